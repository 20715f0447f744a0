// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection whose queues are full: megabytes that were not read, and some that were not sent. */
#include "zdtmtst.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

int main(int argc, char **argv)
{
	const int size = 3000000;
	int ends[2], unread = 0, unsent = 0;
	uint32_t sent = CRC_INIT, got = CRC_INIT;
	size_t n;

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(ends[1], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size))) {
		pr_perror("cannot make a connection");
		return 1;
	}
	n = tcp_fill(ends[0], &sent);
	if (ioctl(ends[1], SIOCINQ, &unread) || ioctl(ends[0], SIOCOUTQNSD, &unsent) || unread < 100000 ||
	    unsent < 100000) {
		pr_err("the queues are not full: %d unread, %d unsent", unread, unsent);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (tcp_drain(ends[1], n, &got))
		fail_errno("not all of %zu bytes come", n);
	else if (got != sent)
		fail("other data comes");
	else if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
