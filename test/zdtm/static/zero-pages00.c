// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that reads as zero: never touched, only read, written with zeros, and given back after
 * it held data. It is all zero afterwards, and the pages never touched take no memory. Huge pages
 * are kept out: one across a border would bring in pages of the quarter that nobody touches.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 256

/* How many of the pages from @mem on are in memory. */
static int count_present(void *mem, size_t page)
{
	unsigned char in_core[PAGES];
	int present = 0;

	if (mincore(mem, PAGES * page, in_core))
		return -1;
	for (int i = 0; i < PAGES; i++)
		present += in_core[i] & 1;
	return present;
}

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE);
	volatile char *mem;
	int present;

	test_init(argc, argv);
	mem = mmap(NULL, 4 * PAGES * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	/* A kernel without huge pages answers EINVAL, and needs no telling. */
	if (madvise((char *)mem, 4 * PAGES * page, MADV_NOHUGEPAGE) && errno != EINVAL) {
		pr_perror("madvise");
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

	if (count_present((char *)mem + 3 * PAGES * page, page) != 0) {
		pr_err("There are pages that nobody touched yet\n");
		return 1;
	}

	test_daemon();
	test_waitsig();

	/* The last quarter was never touched. */
	present = count_present((char *)mem + 3 * PAGES * page, page);
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
