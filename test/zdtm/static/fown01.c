// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever wants a signal for what comes (O_ASYNC, F_SETSIG), of a pipe and of a pair of sockets; and a pipe whose
 * signals are nobody's yet.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static int watch(int fd, int sig)
{
	return fcntl(fd, F_SETOWN, getpid()) || fcntl(fd, F_SETSIG, sig) ||
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
}

int main(int argc, char **argv)
{
	int pair[2], pipes[2], early[2], watched[2], writers[2];
	siginfo_t info;
	sigset_t set;
	int i;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigaddset(&set, SIGRTMIN + 4);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(pipes) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || watch(pipes[0], SIGRTMIN + 3) ||
	    watch(pair[0], SIGRTMIN + 4) || pipe(early) || fcntl(early[0], F_SETFL, O_ASYNC)) {
		pr_perror("cannot set up");
		return 1;
	}
	watched[0] = pipes[0], writers[0] = pipes[1];
	watched[1] = pair[0], writers[1] = pair[1];

	test_daemon();
	test_waitsig();

	for (i = 0; i < 2; i++) {
		if (write(writers[i], "x", 1) != 1 || take_signal(SIGRTMIN + 3 + i, &info)) {
			fail_errno("no signal tells of file %d", i);
			return 1;
		}
		if (info.si_fd != watched[i] || info.si_code != POLL_IN) {
			fail("the signal tells of descriptor %d, %d", info.si_fd, info.si_code);
			return 1;
		}
	}
	if (!(fcntl(early[0], F_GETFL) & O_ASYNC) || fcntl(early[0], F_SETOWN, getpid()) || write(early[1], "x", 1) != 1 ||
	    take_signal(SIGIO, &info)) {
		fail_errno("who comes to own the pipe gets no signal");
		return 1;
	}
	pass();
	return 0;
}
