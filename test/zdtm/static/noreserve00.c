// SPDX-License-Identifier: GPL-2.0-only
/* A very large mapping without reservation and few pages in it, far apart. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define SIZE (16ul << 30)
#define STEP (1ul << 30)

int main(int argc, char **argv)
{
	volatile uint64_t *word;
	char *mem;

	test_init(argc, argv);
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	/* No huge pages: sixteen small ones are the point. */
	if (madvise(mem, SIZE, MADV_NOHUGEPAGE) && errno != EINVAL) {
		pr_perror("madvise");
		return 1;
	}
	for (unsigned long at = 0; at < SIZE; at += STEP)
		*(uint64_t *)(mem + at) = at + 1;

	test_daemon();
	test_waitsig();

	if (vma_has_flag(mem, "nr") != 1) {
		fail("the mapping is with reservation now");
		return 1;
	}
	for (unsigned long at = 0; at < SIZE; at += STEP) {
		word = (uint64_t *)(mem + at);
		if (*word != at + 1) {
			fail("at %#lx there is %#lx", at, *word);
			return 1;
		}
		word = (uint64_t *)(mem + at + STEP / 2);
		if (*word) {
			fail("at %#lx there is %#lx", at + STEP / 2, *word);
			return 1;
		}
	}
	pass();
	return 0;
}
