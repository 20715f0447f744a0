// SPDX-License-Identifier: GPL-2.0-only
/* Signals that a test has blocked. */
#include "zdtmtst.h"

#include <signal.h>
#include <time.h>

void wait_until_pending(int sig)
{
	sigset_t pending;

	do {
		sigpending(&pending);
	} while (!sigismember(&pending, sig));
}

int take_signal(int sig, siginfo_t *info)
{
	const struct timespec limit = { 20, 0 };
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, sig);
	do {
		got = sigtimedwait(&set, info, &limit);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -1 : 0;
}

int take_timer_signal(int sig, int timer, void *value, siginfo_t *info)
{
	if (take_signal(sig, info)) {
		fail_errno("no signal %d of timer %d", sig, timer);
		return -1;
	}
	if (info->si_code != SI_TIMER || info->si_timerid != timer || info->si_value.sival_ptr != value) {
		fail("signal %d: si_code %d, timer %d, value %p", sig, info->si_code, info->si_timerid,
		     info->si_value.sival_ptr);
		return -1;
	}
	return 0;
}
