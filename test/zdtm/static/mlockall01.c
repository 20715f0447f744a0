// SPDX-License-Identifier: GPL-2.0-only
/* mlockall(2) with MCL_FUTURE and MCL_ONFAULT. */
#include "zdtmtst.h"

#include <sys/mman.h>

static char *map(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Locked, but its page is not there before it is touched. */
static int locked_on_fault(char *p)
{
	unsigned char there = 1;

	return vma_has_flag(p, "lo") == 1 && mincore(p, 4096, &there) == 0 && !(there & 1);
}

int main(int argc, char **argv)
{
	char *before, *later;

	test_init(argc, argv);
	if (mlockall(MCL_FUTURE | MCL_ONFAULT)) {
		pr_perror("mlockall");
		return 1;
	}
	before = map();
	if (before == MAP_FAILED || !locked_on_fault(before)) {
		pr_err("a new mapping is not locked on fault");
		return 1;
	}
	munmap(before, 4096);

	test_daemon();
	test_waitsig();

	later = map();
	if (later == MAP_FAILED)
		fail_errno("mmap");
	else if (!locked_on_fault(later))
		fail("a new mapping is not locked on fault");
	else
		pass();
	return 0;
}
