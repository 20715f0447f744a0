// SPDX-License-Identifier: GPL-2.0-only
/* PR_SET_THP_DISABLE. */
#include "zdtmtst.h"

#include <sys/prctl.h>

int main(int argc, char **argv)
{
	int set;

	test_init(argc, argv);
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)) {
		pr_perror("prctl");
		return 1;
	}

	test_daemon();
	test_waitsig();

	set = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	if (set != 1)
		fail("PR_GET_THP_DISABLE gives %d", set);
	else
		pass();
	return 0;
}
