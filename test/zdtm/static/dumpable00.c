// SPDX-License-Identifier: GPL-2.0-only
/* PR_SET_DUMPABLE: a task that may not be dumped (as core) stays so; its child may. */
#include "zdtmtst.h"

#include <sys/prctl.h>

static int child(void *arg)
{
	(void)arg;
	prctl(PR_SET_DUMPABLE, 1);
	child_ready();
	test_waitsig();
	if (prctl(PR_GET_DUMPABLE) != 1) {
		fail("the child's value is %d", prctl(PR_GET_DUMPABLE));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	if (prctl(PR_SET_DUMPABLE, 0)) {
		pr_perror("prctl");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_DUMPABLE) != 0)
		fail("the value is %d", prctl(PR_GET_DUMPABLE));
	else if (finish_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
