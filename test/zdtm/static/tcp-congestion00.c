// SPDX-License-Identifier: GPL-2.0-only
/* The congestion control of a socket that listens and of a connection, and a queue for TCP fast open. */
/* zdtm: opts=--tcp-established */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int uses(int fd, const char *wanted)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	if (!getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) && !strcmp(name, wanted))
		return 1;
	fail("the congestion control is %s", name);
	return 0;
}

int main(int argc, char **argv)
{
	int listening, ends[2], fast = 5, now = 0;
	socklen_t len = sizeof(now);
	char c = 0;

	test_init(argc, argv);
	listening = tcp_listen(AF_INET, 3);
	if (listening < 0 || tcp_pair(AF_INET, ends, NULL) ||
	    setsockopt(listening, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) ||
	    setsockopt(ends[0], IPPROTO_TCP, TCP_CONGESTION, "reno", 4) ||
	    setsockopt(listening, IPPROTO_TCP, TCP_FASTOPEN, &fast, sizeof(fast))) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!uses(listening, "reno") || !uses(ends[0], "reno"))
		return 1;
	if (getsockopt(listening, IPPROTO_TCP, TCP_FASTOPEN, &now, &len) || now != fast)
		fail("the queue for fast open has %d places", now);
	else if (write(ends[0], "x", 1) != 1 || read(ends[1], &c, 1) != 1 || c != 'x')
		fail_errno("the connection does not go on");
	else
		pass();
	return 0;
}
