// SPDX-License-Identifier: GPL-2.0-only
/* mlockall(2) with MCL_FUTURE and MCL_ONFAULT. */
#include "zdtmtst.h"

#include <sys/mman.h>

int main(int argc, char **argv)
{
	char *later;

	test_init(argc, argv);
	if (mlockall(MCL_FUTURE | MCL_ONFAULT)) {
		pr_perror("mlockall");
		return 1;
	}

	test_daemon();
	test_waitsig();

	later = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (later == MAP_FAILED)
		fail_errno("mmap");
	else if (vma_has_flag(later, "lo") != 1 || vma_has_flag(later, "lf") != 1)
		fail("a new mapping is not locked on fault");
	else
		pass();
	return 0;
}
