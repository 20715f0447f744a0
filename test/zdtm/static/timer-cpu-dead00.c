// SPDX-License-Identifier: GPL-2.0-only
/* A POSIX timer that counts the processor time of a process which has ended. */
/* zdtm: expect=refuse:"counts the time of" */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	clockid_t clock;
	timer_t timer;
	pid_t pid;

	test_init(argc, argv);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	if (pid < 0 || clock_getcpuclockid(pid, &clock) || timer_create(clock, &event, &timer)) {
		pr_perror("cannot make a timer of another process");
		return 1;
	}
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid) {
		pr_perror("waitpid");
		return 1;
	}

	test_daemon();
	test_waitsig();

	pass();
	return 0;
}
