// SPDX-License-Identifier: GPL-2.0-only
/* Zombies that are all that is left of a process group, whose leader was reaped. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR 2

static int idle(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 7;
}

int main(int argc, char **argv)
{
	pid_t leader, dead[NR];
	siginfo_t info;
	int i;

	test_init(argc, argv);
	leader = start_child(idle, NULL);
	if (leader < 0 || setpgid(leader, leader)) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < NR; i++) {
		dead[i] = start_child(idle, NULL);
		if (dead[i] < 0 || setpgid(dead[i], leader) || kill(dead[i], SIGTERM) ||
		    waitid(P_PID, dead[i], &info, WEXITED | WNOWAIT)) {
			pr_perror("cannot make a zombie");
			return 1;
		}
	}
	if (finish_child(leader) != 7) {
		pr_err("the leader failed");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < NR; i++)
		if (getpgid(dead[i]) != leader) {
			fail("a zombie is in group %d, was %d", getpgid(dead[i]), leader);
			return 1;
		}
	for (i = 0; i < NR; i++)
		if (waitpid(-leader, NULL, WNOHANG) <= 0) {
			fail_errno("a zombie of the group cannot be waited for");
			return 1;
		}
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		fail("there are children nobody made");
	else
		pass();
	return 0;
}
