// SPDX-License-Identifier: GPL-2.0-only
/* How large the segments of a TCP connection are, in which the peer has a say: no smaller afterwards. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

#ifndef FAMILY
#define FAMILY AF_INET
#endif
/* Bytes that may be missing. */
#ifndef LESS
#define LESS 0
#endif

static int segment_size(int fd)
{
	int size = -1;
	socklen_t len = sizeof(size);

	return getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, &len) ? -1 : size;
}

int main(int argc, char **argv)
{
	int ends[2], listening, sizes[2], i;

	test_init(argc, argv);
	if (tcp_pair(FAMILY, ends, &listening) || tcp_works(ends)) {
		pr_perror("cannot make a connection");
		return 1;
	}
	for (i = 0; i < 2; i++)
		sizes[i] = segment_size(ends[i]);
	test_msg("segments of %d and %d bytes\n", sizes[0], sizes[1]);

	test_daemon();
	test_waitsig();

	for (i = 0; i < 2; i++) {
		if (segment_size(ends[i]) < sizes[i] - LESS) {
			fail("segments of end %d have %d bytes, had %d", i, segment_size(ends[i]), sizes[i]);
			return 0;
		}
	}
	if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
