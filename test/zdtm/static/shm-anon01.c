// SPDX-License-Identifier: GPL-2.0-only
/*
 * One shared anonymous object, mapped at two places of one task with different protections, a
 * part of it cut out, and partly never touched.
 */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 64

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint32_t low = CRC_INIT, high = CRC_INIT;
	char *first, *second;

	test_init(argc, argv);
	first = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (first == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	/* mremap of size 0 maps shared memory a second time (mremap(2)). */
	second = mremap(first, 0, PAGES * page, MREMAP_MAYMOVE);
	if (second == MAP_FAILED) {
		pr_perror("mremap");
		return 1;
	}
	datagen(first, 8 * page, &low);
	datagen(first + 40 * page, 24 * page, &high);
	if (munmap(first + 16 * page, 16 * page) || mprotect(second, PAGES * page, PROT_READ)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (datachk(first, 8 * page, low) || datachk(second, 8 * page, low) ||
	    datachk(second + 40 * page, 24 * page, high)) {
		fail("the contents changed");
		return 1;
	}
	for (size_t i = 8 * page; i < 40 * page; i++) {
		if (second[i]) {
			fail("byte %zu was never written and is not zero", i);
			return 1;
		}
	}
	first[10 * page] = 'x';
	if (second[10 * page] != 'x') {
		fail("the two mappings are not the same memory any more");
		return 1;
	}
	pass();
	return 0;
}
