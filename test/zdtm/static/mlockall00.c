// SPDX-License-Identifier: GPL-2.0-only
/* mlockall(2) with MCL_FUTURE: what is mapped from then on is locked, what was there is not. */
#include "zdtmtst.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void *map(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(int argc, char **argv)
{
	char *old, *locked, *later;
	unsigned char there = 0;

	test_init(argc, argv);
	old = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (old == MAP_FAILED || mlockall(MCL_FUTURE) || (locked = map()) == MAP_FAILED) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	later = map();
	if (later == MAP_FAILED)
		fail_errno("mmap");
	else if (vma_has_flag(old, "lo") != 0)
		fail("an older mapping is locked");
	else if (vma_has_flag(locked, "lo") != 1)
		fail("a locked mapping is not");
	else if (vma_has_flag(later, "lo") != 1 || mincore(later, 4096, &there) || !(there & 1))
		fail("a new mapping is not locked, or not there");
	else
		pass();
	return 0;
}
