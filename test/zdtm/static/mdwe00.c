// SPDX-License-Identifier: GPL-2.0-only
/* A task that denies itself memory which is writable and executable (PR_SET_MDWE). */
/* zdtm: expect=not-yet:"PR_SET_MDWE" */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#define REFUSE_EXEC_GAIN 1

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0))
		skip("this kernel has no PR_SET_MDWE");

	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_MDWE, 0, 0, 0, 0) != REFUSE_EXEC_GAIN)
		fail("PR_GET_MDWE gives %d", prctl(PR_GET_MDWE, 0, 0, 0, 0));
	else
		pass();
	return 0;
}
