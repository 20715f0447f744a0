// SPDX-License-Identifier: GPL-2.0-only
/* An epoll set that no task has open any more, as it is under way in a socket, and that watches something. */
/* zdtm: expect="not-yet:an epoll set that watches something and is only under way" */
#include "zdtmtst.h"

#include "rights.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 7 };
	int pair[2], p[2], set;

	test_init(argc, argv);
	set = epoll_create1(0);
	if (set < 0 || pipe(p) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
	    epoll_ctl(set, EPOLL_CTL_ADD, p[0], &event) || send_fds(pair[0], &set, 1)) {
		pr_perror("cannot send an epoll set");
		return 1;
	}
	close(set);

	test_daemon();
	test_waitsig();

	if (receive_fds(pair[1], &set, 1, NULL) || write(p[1], "x", 1) != 1 ||
	    epoll_wait(set, &event, 1, 1000) != 1 || event.data.u64 != 7)
		fail_errno("the set does not tell of what it watches");
	else
		pass();
	return 0;
}
