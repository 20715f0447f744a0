// SPDX-License-Identifier: GPL-2.0-only
/* Many TCP connections, each with data and an option of its own, and with buffers that nobody has set. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

#define PAIRS	 18
#define BUF_LOCK 72 /* SO_BUF_LOCK, since Linux 5.14 */

static int ends[PAIRS][2];

static int number_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) ? -1 : value;
}

static int begin(int i)
{
	const int idle = 100 + i;
	char text[16];
	const int size = snprintf(text, sizeof(text), "connection %d", i);

	/* Every third has nothing under way. */
	if (tcp_pair(i % 2 ? AF_INET : AF_INET6, ends[i], NULL) ||
	    setsockopt(ends[i][0], IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)))
		return -1;
	return i % 3 == 0 || send(ends[i][0], text, size, 0) == size ? 0 : -1;
}

static void check(int i, const int sizes[2][2])
{
	char text[16] = "", expected[16] = "";

	if (i % 3)
		snprintf(expected, sizeof(expected), "connection %d", i);
	recv(ends[i][1], text, sizeof(text) - 1, MSG_DONTWAIT);
	if (strcmp(text, expected))
		fail("connection %d has '%s'", i, text);
	if (number_of(ends[i][0], IPPROTO_TCP, TCP_KEEPIDLE) != 100 + i)
		fail("connection %d: TCP_KEEPIDLE is %d", i, number_of(ends[i][0], IPPROTO_TCP, TCP_KEEPIDLE));
	for (int end = 0; end < 2; end++) {
		if (number_of(ends[i][end], SOL_SOCKET, SO_SNDBUF) != sizes[end][0] ||
		    number_of(ends[i][end], SOL_SOCKET, SO_RCVBUF) != sizes[end][1])
			fail("connection %d, end %d: the buffers had %d and %d bytes, have %d and %d", i, end, sizes[end][0],
			     sizes[end][1], number_of(ends[i][end], SOL_SOCKET, SO_SNDBUF),
			     number_of(ends[i][end], SOL_SOCKET, SO_RCVBUF));
		if (number_of(ends[i][end], SOL_SOCKET, BUF_LOCK) > 0)
			fail("connection %d, end %d: the buffers do not grow any more", i, end);
	}
	if (tcp_works(ends[i]))
		fail_errno("connection %d does not work", i);
}

int main(int argc, char **argv)
{
	static int sizes[PAIRS][2][2];

	test_init(argc, argv);
	for (int i = 0; i < PAIRS; i++)
		if (begin(i)) {
			pr_perror("cannot make connection %d", i);
			return 1;
		}
	for (int i = 0; i < 2 * PAIRS; i++) {
		sizes[i / 2][i % 2][0] = number_of(ends[i / 2][i % 2], SOL_SOCKET, SO_SNDBUF);
		sizes[i / 2][i % 2][1] = number_of(ends[i / 2][i % 2], SOL_SOCKET, SO_RCVBUF);
	}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < PAIRS; i++)
		check(i, (const int(*)[2])sizes[i]);
	pass();
	return 0;
}
