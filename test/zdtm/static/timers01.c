// SPDX-License-Identifier: GPL-2.0-only
/*
 * A POSIX timer whose signal is blocked and pending, and which has run over several times: the
 * signal with its siginfo is there, once, and the timer goes on.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SIG (SIGRTMIN + 7)
#define INTERVAL 5000000 /* nanoseconds */
#define RUNS 5

static int timer;

static int take(const char *what, int overrun)
{
	siginfo_t info;

	if (take_timer_signal(SIG, timer, &timer, &info))
		return 1;
	if (info.si_overrun < overrun) {
		fail("%s: the timer ran over %d times, not %d", what, info.si_overrun, overrun);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct itimerspec set = { { 0, INTERVAL }, { 0, INTERVAL } };
	const struct timespec some_runs = { 0, (RUNS + 1) * INTERVAL };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIG };
	sigset_t blocked;

	test_init(argc, argv);
	event.sigev_value.sival_ptr = &timer;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIG);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) ||
	    syscall(SYS_timer_settime, timer, 0, &set, NULL)) {
		pr_perror("cannot make a timer");
		return 1;
	}
	wait_until_pending(SIG);

	test_daemon();
	test_waitsig();

	nanosleep(&some_runs, NULL);
	if (take("the pending signal", RUNS) || take("the next", 0) || take("the one after", 0))
		return 1;
	pass();
	return 0;
}
