// SPDX-License-Identifier: GPL-2.0-only
/* Edges: what has been told is not told again for nothing new, and what is new is told. */
#include "zdtmtst.h"

#include <sys/epoll.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 0x123456789abcdef };
	int pipes[2], set, n;
	char c;

	test_init(argc, argv);
	set = epoll_create1(0);
	if (set < 0 || pipe(pipes) || epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &event) || write(pipes[1], "x", 1) != 1 ||
	    epoll_wait(set, &event, 1, 0) != 1 || read(pipes[0], &c, 1) != 1) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	/* Nothing is there to be told. */
	n = epoll_wait(set, &event, 1, 0);
	if (n != 0)
		fail("%d events are told, though there is nothing", n);
	else if (write(pipes[1], "y", 1) != 1 || epoll_wait(set, &event, 1, 1000) != 1)
		fail("what is new is not told");
	else if (event.events != EPOLLIN || event.data.u64 != 0x123456789abcdef)
		fail("event %x of %lx", event.events, (unsigned long)event.data.u64);
	else if (epoll_wait(set, &event, 1, 0) != 0)
		fail("it is told again without an edge");
	else
		pass();
	return 0;
}
