// SPDX-License-Identifier: GPL-2.0-only
/* Timers of several clocks: set to a point in time, expired and not read yet, never set. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { AHEAD = 5000 };

static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
static int ahead[array_size(clocks)];

static int start(int fd, int flags, time_t sec, long nsec, long interval)
{
	struct itimerspec set = { { 0, interval }, { sec, nsec } };

	return fd < 0 || timerfd_settime(fd, flags, &set, NULL);
}

static int check_ahead(int fd, int64_t since)
{
	struct itimerspec now;

	if (timerfd_gettime(fd, &now))
		fail_errno("timerfd_gettime");
	else if (now.it_value.tv_sec > AHEAD || now.it_value.tv_sec < AHEAD - (now_us() - since) / 1000000 - 3)
		fail("%ld of %d seconds remain", now.it_value.tv_sec, AHEAD);
	else
		return 0;
	return -1;
}

int main(int argc, char **argv)
{
	int once, often, unset, cancelled;
	uint64_t ticks = 0, before;
	int64_t since;
	struct timespec now;
	struct pollfd p;
	size_t i;

	test_init(argc, argv);
	since = now_us();
	for (i = 0; i < array_size(clocks); i++) {
		ahead[i] = timerfd_create(clocks[i], TFD_NONBLOCK);
		if (clock_gettime(clocks[i], &now) ||
		    start(ahead[i], TFD_TIMER_ABSTIME, now.tv_sec + AHEAD, now.tv_nsec, 0)) {
			pr_perror("clock %d", clocks[i]);
			return 1;
		}
	}
	once = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	often = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	unset = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	cancelled = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	clock_gettime(CLOCK_REALTIME, &now);
	if (unset < 0 || start(once, 0, 0, 1000000, 0) || start(often, 0, 0, 1000000, 10000000) ||
	    start(cancelled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, now.tv_sec + AHEAD, 0, 0)) {
		pr_perror("timerfd");
		return 1;
	}
	usleep(100000);
	before = 5;

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(clocks); i++)
		if (check_ahead(ahead[i], since))
			return 1;
	if (check_ahead(cancelled, since))
		return 1;
	p = (struct pollfd){ .fd = once, .events = POLLIN };
	if (poll(&p, 1, 0) != 1 || read(once, &ticks, sizeof(ticks)) != sizeof(ticks) || ticks != 1)
		fail("of the one that expired once %lu are told", ticks);
	else if (read(once, &ticks, sizeof(ticks)) != -1 || errno != EAGAIN)
		fail("it expires again");
	else if (read(often, &ticks, sizeof(ticks)) != sizeof(ticks) || ticks < before)
		fail("of the one that expires often %lu are told", ticks);
	else if (p.fd = often, poll(&p, 1, 1000) != 1)
		fail("it does not go on");
	else if (read(unset, &ticks, sizeof(ticks)) != -1 || errno != EAGAIN)
		fail("the one that was not set has expired");
	else
		pass();
	return 0;
}
