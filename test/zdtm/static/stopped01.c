// SPDX-License-Identifier: GPL-2.0-only
/* Children stopped by SIGTSTP, SIGTTIN, SIGTTOU and SIGSTOP: their parent hears of that very signal. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const int signals[] = { SIGTSTP, SIGTTIN, SIGTTOU, SIGSTOP };
#define NR (sizeof(signals) / sizeof(signals[0]))

static int child(void *arg)
{
	(void)arg;
	/* In a group of its own that is not an orphaned one: the parent is of the session. */
	if (setpgid(0, 0))
		return 1;
	child_ready();
	test_waitsig();
	return 0;
}

static int stopped_by(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT | WNOHANG))
		return -1;
	return info.si_pid == pid && info.si_code == CLD_STOPPED ? info.si_status : 0;
}

int main(int argc, char **argv)
{
	siginfo_t info;
	pid_t pids[NR];
	size_t i;

	test_init(argc, argv);
	for (i = 0; i < NR; i++) {
		pids[i] = start_child(child, NULL);
		if (pids[i] < 0 || kill(pids[i], signals[i]) ||
		    waitid(P_PID, pids[i], &info, WSTOPPED | WNOWAIT)) {
			pr_perror("cannot stop a child");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < NR; i++)
		if (stopped_by(pids[i]) != signals[i]) {
			fail("a child is stopped by %d, was by %d", stopped_by(pids[i]), signals[i]);
			return 1;
		}
	for (i = 0; i < NR; i++)
		if (kill(pids[i], SIGCONT) || finish_child(pids[i])) {
			fail("the child stopped by %d does not go on", signals[i]);
			return 1;
		}
	pass();
	return 0;
}
