// SPDX-License-Identifier: GPL-2.0-only
/* An epoll instance still watches. */
#include "zdtmtst.h"

#include <sys/epoll.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0x123456789abcdef }, got;
	int fd, p[2];

	test_init(argc, argv);
	fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0 || pipe(p) || epoll_ctl(fd, EPOLL_CTL_ADD, p[0], &event)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (epoll_wait(fd, &got, 1, 0) != 0)
		fail("there is an event nobody caused");
	else if (write(p[1], "x", 1) != 1 || epoll_wait(fd, &got, 1, 1000) != 1)
		fail("the event does not come");
	else if (got.events != EPOLLIN || got.data.u64 != event.data.u64)
		fail("the event is %#x with %#lx", got.events, got.data.u64);
	else
		pass();
	return 0;
}
