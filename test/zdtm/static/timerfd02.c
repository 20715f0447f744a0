// SPDX-License-Identifier: GPL-2.0-only
/* Timers that expire more often than they can be looked at, and are not read before the dump. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { TIMERS = 50, INTERVAL = 20000 };

int main(int argc, char **argv)
{
	const struct itimerspec often = { { 0, INTERVAL }, { 0, INTERVAL } };
	uint64_t ticks;
	int fds[TIMERS], i;

	test_init(argc, argv);
	for (i = 0; i < TIMERS; i++) {
		fds[i] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
		if (fds[i] < 0 || timerfd_settime(fds[i], 0, &often, NULL)) {
			pr_perror("timerfd");
			return 1;
		}
	}
	usleep(10000);

	test_daemon();
	test_waitsig();

	for (i = 0; i < TIMERS; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		if (read(fds[i], &ticks, sizeof(ticks)) != sizeof(ticks)) {
			fail_errno("timer %d has nothing to tell", i);
			return 1;
		}
		if (poll(&p, 1, 5000) != 1) {
			fail("timer %d does not go on", i);
			return 1;
		}
	}
	pass();
	return 0;
}
