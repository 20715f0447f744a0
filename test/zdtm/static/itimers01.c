// SPDX-License-Identifier: GPL-2.0-only
/* A timer that runs out after the dump fires once: not never, not twice. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile int fired;

static void handler(int sig)
{
	(void)sig;
	fired++;
}

int main(int argc, char **argv)
{
	struct itimerval set = { .it_value = { 3, 0 } }, now;
	sigset_t alarm, old;

	test_init(argc, argv);
	signal(SIGALRM, handler);
	if (setitimer(ITIMER_REAL, &set, NULL)) {
		pr_perror("setitimer");
		return 1;
	}

	test_daemon();
	test_waitsig();

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &old);
	while (!fired)
		sigsuspend(&old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (getitimer(ITIMER_REAL, &now) || now.it_value.tv_sec || now.it_value.tv_usec)
		fail("the timer still runs");
	else if (fired != 1)
		fail("the timer fired %d times", fired);
	else
		pass();
	return 0;
}
