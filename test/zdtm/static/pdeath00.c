// SPDX-License-Identifier: GPL-2.0-only
/* The signal a child gets when its parent dies (PR_SET_PDEATHSIG): kept, and delivered. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int grandchild(void *arg)
{
	int sig = 0;

	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	child_ready();
	/* Ends by the signal; a TERM means that it did not come. */
	test_waitsig();
	prctl(PR_GET_PDEATHSIG, &sig);
	fail("the signal is %d and did not come", sig);
	return 1;
}

/* Leaves when told to; the grandchild then comes to the root. */
static int child(void *arg)
{
	pid_t below = start_child(grandchild, arg);

	if (below < 0)
		return 1;
	child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0, sig = 0;
	pid_t pid, got;

	test_init(argc, argv);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) || prctl(PR_SET_PDEATHSIG, SIGWINCH)) {
		pr_perror("prctl");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_PDEATHSIG, &sig) || sig != SIGWINCH) {
		fail("the root's signal is %d", sig);
		return 1;
	}
	if (finish_child(pid)) {
		fail("the child failed");
		return 1;
	}
	got = wait(&status);
	if (got < 0 || !WIFSIGNALED(status) || WTERMSIG(status) != SIGUSR2)
		fail("the orphan %d ended with status %#x", got, status);
	else
		pass();
	return 0;
}
