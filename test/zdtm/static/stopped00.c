// SPDX-License-Identifier: GPL-2.0-only
/* A child stopped by SIGSTOP stays stopped, runs on after SIGCONT, and its parent hears of it. */
#include "zdtmtst.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 23;
}

int main(int argc, char **argv)
{
	siginfo_t info = { 0 };
	char state[64];
	char path[64];
	pid_t pid;
	int status;

	test_init(argc, argv);
	pid = start_child(child, NULL);
	if (pid < 0 || kill(pid, SIGSTOP) || waitpid(pid, &status, WUNTRACED) != pid ||
	    !WIFSTOPPED(status)) {
		pr_perror("cannot stop a child");
		return 1;
	}

	test_daemon();
	test_waitsig();

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (proc_field(path, "State", state, sizeof(state)) || state[0] != 'T') {
		fail("the child's state is %s", state);
		return 1;
	}
	/* A stopped task keeps signals for later. */
	if (kill(pid, SIGTERM) || waitpid(pid, &status, WNOHANG)) {
		fail("the child did not stay stopped");
		return 1;
	}
	if (kill(pid, SIGCONT) || waitid(P_PID, pid, &info, WCONTINUED | WEXITED | WNOWAIT)) {
		fail_errno("cannot continue the child");
		return 1;
	}
	status = reap_child(pid);

	if (status != 23)
		fail("the child ended with %d", status);
	else
		pass();
	return 0;
}
