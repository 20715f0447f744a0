// SPDX-License-Identifier: GPL-2.0-only
/* Mappings in which every other page is used: more runs than the kernel tells of at once. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

/* Runs; PAGEMAP_SCAN collects 512 at a time. */
static const int runs[] = { 511, 512, 513, 700, 1023, 1024, 1025, 1536, 2049 };

static char *maps[array_size(runs)];

int main(int argc, char **argv)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	test_init(argc, argv);
	for (unsigned int i = 0; i < array_size(runs); i++) {
		const size_t size = runs[i] * 2 * page; /* the last page is a hole */

		/* Neighbours would be one mapping: nothing lies behind it. */
		maps[i] = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (maps[i] == MAP_FAILED || munmap(maps[i] + size, page)) {
			pr_perror("mmap");
			return 1;
		}
		if (madvise(maps[i], size, MADV_NOHUGEPAGE) && errno != EINVAL) {
			pr_perror("madvise");
			return 1;
		}
		for (int run = 0; run < runs[i]; run++)
			*(int *)(maps[i] + run * 2 * page) = i * 10000 + run + 1;
	}

	test_daemon();
	test_waitsig();

	for (unsigned int i = 0; i < array_size(runs); i++) {
		for (int run = 0; run < runs[i]; run++) {
			const int *used = (int *)(maps[i] + run * 2 * page), *hole = used + page / sizeof(int);

			if (*used != (int)i * 10000 + run + 1 || *hole) {
				fail("mapping %u, run %d: %d, %d in the hole", i, run, *used, *hole);
				return 1;
			}
		}
	}
	pass();
	return 0;
}
