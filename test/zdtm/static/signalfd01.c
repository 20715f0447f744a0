// SPDX-License-Identifier: GPL-2.0-only
/* A signalfd: its mask, and the signals that stand in the task's queue, with their values and senders. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct signalfd_siginfo info;
	union sigval value;
	sigset_t set;
	int fd, i;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 5);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	for (i = 0; fd >= 0 && i < 3; i++) {
		value.sival_int = 100 + i;
		if (sigqueue(getpid(), SIGRTMIN + 5, value))
			fd = -1;
	}
	if (fd < 0 || kill(getpid(), SIGUSR1)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read(fd, &info, sizeof(info)) != sizeof(info) || info.ssi_signo != SIGUSR1 ||
	    info.ssi_pid != (uint32_t)getpid()) {
		fail_errno("SIGUSR1 is not there");
		return 1;
	}
	for (i = 0; i < 3; i++)
		if (read(fd, &info, sizeof(info)) != sizeof(info) || info.ssi_signo != (uint32_t)SIGRTMIN + 5 ||
		    info.ssi_int != 100 + i) {
			fail_errno("signal %d has the value %d", i, info.ssi_int);
			return 1;
		}
	if (read(fd, &info, sizeof(info)) != -1 || errno != EAGAIN)
		fail("there is more");
	else
		pass();
	return 0;
}
