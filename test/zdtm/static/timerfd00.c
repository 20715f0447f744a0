// SPDX-License-Identifier: GPL-2.0-only
/* A timerfd still runs. */
#include "zdtmtst.h"

#include <sys/timerfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct itimerspec set = { { 7, 0 }, { 5000, 0 } }, now;
	struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
	int64_t start = now_us();
	uint64_t count = 0;
	int fd;

	test_init(argc, argv);
	fd = timerfd_create(CLOCK_MONOTONIC, 0);
	if (fd < 0 || timerfd_settime(fd, 0, &set, NULL)) {
		pr_perror("timerfd");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (timerfd_gettime(fd, &now))
		fail_errno("timerfd_gettime");
	else if (now.it_interval.tv_sec != 7 || now.it_value.tv_sec > 5000 ||
		 now.it_value.tv_sec < 5000 - (now_us() - start) / 1000000 - 2)
		fail("interval %ld, %ld of 5000 seconds remain", now.it_interval.tv_sec,
		     now.it_value.tv_sec);
	else if (timerfd_settime(fd, 0, &soon, NULL) || read(fd, &count, sizeof(count)) < 0 ||
		 count != 1)
		fail("the timer does not run out");
	else
		pass();
	return 0;
}
