// SPDX-License-Identifier: GPL-2.0-only
/* An epoll set of five hundred, of which some are ready. */
#include "zdtmtst.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MANY = 500, EACH = 7 };

int main(int argc, char **argv)
{
	static struct epoll_event got[MANY];
	struct epoll_event event = { .events = EPOLLIN };
	int set, n, i;
	char seen[MANY] = "";

	test_init(argc, argv);
	set = epoll_create1(0);
	for (i = 0; i < MANY; i++) {
		int fd = eventfd(i % EACH == 0, 0);

		event.data.u64 = (uint64_t)i << 32 | i;
		if (fd < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event)) {
			pr_perror("number %d", i);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	n = epoll_wait(set, got, MANY, 0);
	if (n != (MANY + EACH - 1) / EACH) {
		fail("%d are ready", n);
		return 1;
	}
	for (i = 0; i < n; i++) {
		uint64_t data = got[i].data.u64;

		if (data >> 32 != (data & 0xffffffff) || data >> 32 >= MANY || (data >> 32) % EACH ||
		    seen[data >> 32]++ || got[i].events != EPOLLIN) {
			fail("%lx is ready", (unsigned long)data);
			return 1;
		}
	}
	pass();
	return 0;
}
