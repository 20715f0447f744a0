// SPDX-License-Identifier: GPL-2.0-only
/* The three interval timers: remaining time, interval, and that they still fire. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static const struct {
	int which;
	const char *name;
	long value, interval; /* seconds */
} timers[] = {
	{ ITIMER_REAL, "ITIMER_REAL", 5000, 7 },
	{ ITIMER_VIRTUAL, "ITIMER_VIRTUAL", 3000, 0 },
	{ ITIMER_PROF, "ITIMER_PROF", 4000, 9 },
};

static volatile int fired;

static void handler(int sig)
{
	fired = sig;
}

int main(int argc, char **argv)
{
	struct itimerval now, soon = { .it_value = { 0, 20000 } };
	int64_t start = now_us();

	test_init(argc, argv);
	signal(SIGALRM, handler);
	signal(SIGVTALRM, handler);
	signal(SIGPROF, handler);
	for (unsigned int i = 0; i < array_size(timers); i++) {
		struct itimerval set = { { timers[i].interval, 250000 },
					 { timers[i].value, 500000 } };

		if (setitimer(timers[i].which, &set, NULL)) {
			pr_perror("setitimer");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (unsigned int i = 0; i < array_size(timers); i++) {
		/* Two seconds more than the time that went by: rounding, and none of it is lost. */
		long gone = (now_us() - start) / 1000000 + 2;

		if (getitimer(timers[i].which, &now)) {
			fail_errno("getitimer");
			return 1;
		}
		if (now.it_interval.tv_sec != timers[i].interval ||
		    now.it_interval.tv_usec / 10000 != 25) {
			fail("%s: interval is %ld.%06ld", timers[i].name, now.it_interval.tv_sec,
			     now.it_interval.tv_usec);
			return 1;
		}
		if (now.it_value.tv_sec > timers[i].value ||
		    now.it_value.tv_sec < timers[i].value - gone) {
			fail("%s: %ld of %ld seconds remain", timers[i].name, now.it_value.tv_sec,
			     timers[i].value);
			return 1;
		}
	}
	if (fired) {
		fail("signal %d came", fired);
		return 1;
	}
	for (unsigned int i = 0; i < array_size(timers); i++) {
		fired = 0;
		if (setitimer(timers[i].which, &soon, NULL)) {
			fail_errno("setitimer");
			return 1;
		}
		/* Two of the three only run while the task does. */
		while (!fired)
			;
	}
	pass();
	return 0;
}
