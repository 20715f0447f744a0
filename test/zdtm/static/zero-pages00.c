// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that reads as zero: never touched, only read, written with zeros, and given back after
 * it held data. It is all zero afterwards, and the pages never touched take no memory.
 */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 256

int main(int argc, char **argv)
{
	static unsigned char in_core[PAGES];
	size_t page = sysconf(_SC_PAGESIZE);
	volatile char *mem;
	int present = 0;

	test_init(argc, argv);
	mem = mmap(NULL, 4 * PAGES * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	for (size_t i = 0; i < PAGES * page; i += page)
		(void)mem[i];
	memset((char *)mem + PAGES * page, 0, PAGES * page);
	memset((char *)mem + 2 * PAGES * page, 0xff, PAGES * page);
	if (madvise((char *)mem + 2 * PAGES * page, PAGES * page, MADV_DONTNEED)) {
		pr_perror("madvise");
		return 1;
	}

	test_daemon();
	test_waitsig();

	/* The last quarter was never touched. */
	if (mincore((char *)mem + 3 * PAGES * page, PAGES * page, in_core)) {
		fail_errno("mincore");
		return 1;
	}
	for (int i = 0; i < PAGES; i++)
		present += in_core[i] & 1;
	if (present) {
		fail("%d pages are there that nobody touched", present);
		return 1;
	}
	for (size_t i = 0; i < 4 * PAGES * page; i++) {
		if (mem[i]) {
			fail("byte %zu is %#x", i, mem[i]);
			return 1;
		}
	}
	pass();
	return 0;
}
