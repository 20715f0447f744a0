// SPDX-License-Identifier: GPL-2.0-only
/* Five hundred mappings that cannot be merged, each with one page of its own. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define VMAS 500

int main(int argc, char **argv)
{
	static const int prots[] = { PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE };
	size_t page = sysconf(_SC_PAGESIZE);
	char *mem;

	test_init(argc, argv);
	mem = mmap(NULL, 2 * VMAS * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	for (long i = 0; i < VMAS; i++) {
		char *at = mem + 2 * i * page;

		memcpy(at + 100, &i, sizeof(i));
		if (mprotect(at, 2 * page, prots[i % array_size(prots)])) {
			pr_perror("mprotect");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	if (mprotect(mem, 2 * VMAS * page, PROT_READ)) {
		fail_errno("the mappings are not all there");
		return 1;
	}
	for (long i = 0; i < VMAS; i++) {
		char *at = mem + 2 * i * page;

		if (memcmp(at + 100, &i, sizeof(i)) || at[0] || at[page]) {
			fail("mapping %ld has other contents", i);
			return 1;
		}
	}
	pass();
	return 0;
}
