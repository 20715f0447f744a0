// SPDX-License-Identifier: GPL-2.0-only
/* SCHED_RESET_ON_FORK: kept, and it works: a child made after the restore is ordinary. */
#include "zdtmtst.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLICY (SCHED_BATCH | SCHED_RESET_ON_FORK)

int main(int argc, char **argv)
{
	struct sched_param param = { 0 };
	int status = 0;
	pid_t pid;

	test_init(argc, argv);
	if (setpriority(PRIO_PROCESS, 0, -3) || sched_setscheduler(0, POLICY, &param)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (sched_getscheduler(0) != POLICY || getpriority(PRIO_PROCESS, 0) != -3) {
		fail("policy %#x nice %d", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0));
		return 1;
	}
	pid = fork();
	if (pid == 0)
		_exit(getpriority(PRIO_PROCESS, 0));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fail("a new child is not reset: status %#x", status);
	else
		pass();
	return 0;
}
