// SPDX-License-Identifier: GPL-2.0-only
/* PR_SET_NO_NEW_PRIVS: set in a child, not in its parent. */
#include "zdtmtst.h"

#include <sys/prctl.h>

static int child(void *arg)
{
	(void)arg;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	child_ready();
	test_waitsig();
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
		fail("the child's is lost");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int before;
	pid_t pid;

	test_init(argc, argv);
	before = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != before)
		fail("the parent's value changed");
	else if (finish_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
