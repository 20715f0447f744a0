// SPDX-License-Identifier: GPL-2.0-only
/* PR_SET_THP_DISABLE but for memory that asks for huge pages (PR_THP_DISABLE_EXCEPT_ADVISED). */
#include "zdtmtst.h"

#include <sys/prctl.h>

#define EXCEPT_ADVISED 2

int main(int argc, char **argv)
{
	int set;

	test_init(argc, argv);
	if (prctl(PR_SET_THP_DISABLE, 1, EXCEPT_ADVISED, 0, 0))
		skip("this kernel has no PR_THP_DISABLE_EXCEPT_ADVISED");

	test_daemon();
	test_waitsig();

	set = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	if (set != (1 | EXCEPT_ADVISED))
		fail("PR_GET_THP_DISABLE gives %d", set);
	else
		pass();
	return 0;
}
