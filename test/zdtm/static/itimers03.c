// SPDX-License-Identifier: GPL-2.0-only
/* Timers of processor time that have an interval and do not run: they still have it, and do not run. */
#include "zdtmtst.h"

#include <sys/time.h>
#include <unistd.h>

static const int timers[] = { ITIMER_VIRTUAL, ITIMER_PROF };

int main(int argc, char **argv)
{
	const struct itimerval set = { .it_interval = { 5, 0 } };
	struct itimerval now;
	unsigned int i;

	test_init(argc, argv);
	for (i = 0; i < array_size(timers); i++)
		if (setitimer(timers[i], &set, NULL)) {
			pr_perror("setitimer");
			return 1;
		}

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(timers); i++)
		if (getitimer(timers[i], &now) || now.it_value.tv_sec || now.it_value.tv_usec ||
		    now.it_interval.tv_sec != set.it_interval.tv_sec) {
			fail("timer %d has %ld.%06ld s left, its interval is %ld s", timers[i], now.it_value.tv_sec,
			     now.it_value.tv_usec, now.it_interval.tv_sec);
			return 1;
		}
	pass();
	return 0;
}
