// SPDX-License-Identifier: GPL-2.0-only
/* A corked TCP connection: what is held back stays so until the cork is taken out. */
#include "zdtmtst.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

/* zdtm: opts=--tcp-established */

static const long held_ns = 200000000; /* tcp(7) */

static long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

/* Whether four bytes are held back. Where this process had to wait for the processor in between, they may be sent. */
static int is_held(int end, int *sent)
{
	int unsent = -1;
	long start;

	do {
		start = now_ns();
		if (send(end, "cork", 4, 0) != 4 || ioctl(end, SIOCOUTQNSD, &unsent))
			return fail_errno("cannot send"), 0;
		*sent += 4;
	} while (unsent == 0 && now_ns() - start >= held_ns);
	if (unsent != 4)
		fail("%d bytes are held back, not 4", unsent);
	return unsent == 4;
}

int main(int argc, char **argv)
{
	int ends[2], on = 1, off = 0, sent = 0;
	char text[512];

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || setsockopt(ends[0], IPPROTO_TCP, TCP_CORK, &on, sizeof(on))) {
		pr_perror("cannot make a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!is_held(ends[0], &sent))
		return 1;
	if (setsockopt(ends[0], IPPROTO_TCP, TCP_CORK, &off, sizeof(off)) ||
	    recv(ends[1], text, sent, MSG_WAITALL) != sent)
		fail_errno("nothing comes without the cork");
	else
		pass();
	return 0;
}
