// SPDX-License-Identifier: GPL-2.0-only
/* PR_SET_CHILD_SUBREAPER: set in the root, not in the child; and orphans come to the root. */
#include "zdtmtst.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(void *arg)
{
	int set = -1;
	int block[2];
	pid_t pid;
	char c;

	(void)arg;
	child_ready();
	test_waitsig();
	if (prctl(PR_GET_CHILD_SUBREAPER, &set) || set) {
		fail("the child is a subreaper");
		return 1;
	}
	if (pipe(block)) {
		fail_errno("pipe");
		return 1;
	}
	pid = fork();
	if (pid == 0) {
		/* End of file comes when the parent's end closes: with its death. */
		close(block[1]);
		_exit(read(block[0], &c, 1) == 0 ? 33 : 34);
	}
	return pid < 0;
}

int main(int argc, char **argv)
{
	int set = 0, status = 0;
	pid_t pid;

	test_init(argc, argv);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		pr_perror("prctl");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_CHILD_SUBREAPER, &set) || set != 1)
		fail("the root is no subreaper");
	else if (finish_child(pid))
		fail("the child failed");
	else if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 33)
		fail("the orphan did not come to us, status %#x", status);
	else
		pass();
	return 0;
}
