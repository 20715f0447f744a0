// SPDX-License-Identifier: GPL-2.0-only
/*
 * A periodic ITIMER_REAL whose signal is blocked and pending. The kernel starts it again only when
 * the signal is taken: the timer goes on all the same.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL 10000 /* microseconds */

int main(int argc, char **argv)
{
	const struct itimerval set = { { 0, INTERVAL }, { 0, INTERVAL } };
	struct itimerval now;
	sigset_t alarm;
	int i;

	test_init(argc, argv);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	if (setitimer(ITIMER_REAL, &set, NULL)) {
		pr_perror("setitimer");
		return 1;
	}
	wait_until_pending(SIGALRM);

	test_daemon();
	test_waitsig();

	for (i = 0; i < 3; i++) {
		if (take_signal(SIGALRM, NULL)) {
			fail_errno("no signal after %d", i);
			return 1;
		}
	}
	if (getitimer(ITIMER_REAL, &now) || now.it_interval.tv_sec || now.it_interval.tv_usec != INTERVAL)
		fail("the interval is %ld us", (long)now.it_interval.tv_usec);
	else
		pass();
	return 0;
}
