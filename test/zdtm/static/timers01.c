// SPDX-License-Identifier: GPL-2.0-only
/*
 * A POSIX timer whose signal is blocked and pending, and which has run over several times: the
 * signal with its siginfo is there, and the timer goes on.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SIG (SIGRTMIN + 7)

static int timer;

static int take(const char *what)
{
	struct timespec limit = { 20, 0 };
	siginfo_t info;
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	do {
		got = sigtimedwait(&set, &info, &limit);
	} while (got < 0 && errno == EINTR);
	if (got != SIG) {
		fail_errno("%s: no signal", what);
		return 1;
	}
	if (info.si_code != SI_TIMER || info.si_timerid != timer || info.si_value.sival_int != 99) {
		fail("%s: si_code %d, timer %d, value %d", what, info.si_code, info.si_timerid,
		     info.si_value.sival_int);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct itimerspec set = { { 0, 5000000 }, { 0, 5000000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIG };
	sigset_t blocked, pending;

	test_init(argc, argv);
	event.sigev_value.sival_int = 99;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIG);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) ||
	    syscall(SYS_timer_settime, timer, 0, &set, NULL)) {
		pr_perror("cannot make a timer");
		return 1;
	}
	do {
		sigpending(&pending);
	} while (!sigismember(&pending, SIG));

	test_daemon();
	test_waitsig();

	if (take("the pending signal") || take("the next") || take("the one after"))
		return 1;
	pass();
	return 0;
}
