// SPDX-License-Identifier: GPL-2.0-only
/* TCP connections that have ended: what was not read can be read, and how they ended is told once. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE 30000 /* less than a new connection has for a window */

static char sent[SIZE], got[SIZE + 1];

static int reset(int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) || close(fd);
}

/* A connection whose other end has sent so much, and then ended it, by a reset or as one does. */
static int end(int family, size_t size, int by_reset)
{
	const struct pollfd hangup = { .events = POLLRDHUP };
	struct pollfd p = hangup;
	int ends[2];

	if (tcp_pair(family, ends, NULL) || (!by_reset && shutdown(ends[0], SHUT_WR)) ||
	    write(ends[1], sent, size) != (ssize_t)size || (by_reset ? reset(ends[1]) : close(ends[1])))
		return -1;
	p.fd = ends[0];
	return poll(&p, 1, 10000) == 1 ? ends[0] : -1;
}

/* An attempt to connect to where nobody listens, which has not been asked about. */
static int refused(void)
{
	struct pollfd p = { .events = POLLOUT };
	int ends[2], listening, fd;

	if (tcp_pair(AF_INET, ends, &listening))
		return -1;
	shutdown(listening, SHUT_RDWR);
	fd = tcp_connect(listening, SOCK_NONBLOCK);
	close(listening), close(ends[0]), close(ends[1]);
	p.fd = fd;
	return poll(&p, 1, 10000) == 1 ? fd : -1;
}

static int error_of(int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? -1 : error;
}

static int is_over(int fd, size_t size, int error)
{
	size_t have = 0;
	ssize_t n;

	while ((n = recv(fd, got + have, sizeof(got) - have, MSG_DONTWAIT)) > 0)
		have += (size_t)n;
	if (have != size || memcmp(sent, got, size)) {
		fail("%zu of %zu bytes, or others", have, size);
		return 0;
	}
	if (error ? n != -1 || errno != error : n != 0) {
		fail_errno("behind %zu bytes read gives %zd", size, n);
		return 0;
	}
	if (recv(fd, got, sizeof(got), MSG_DONTWAIT) != 0 || send(fd, got, 1, MSG_NOSIGNAL) != -1 || errno != EPIPE) {
		fail_errno("it is not at its end");
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	int cut, cut6, empty, closed, closed6, nobody;

	test_init(argc, argv);
	for (int i = 0; i < SIZE; i++)
		sent[i] = (char)(i * 7 >> 3);
	cut = end(AF_INET, SIZE, 1), cut6 = end(AF_INET6, 10, 1), empty = end(AF_INET, 0, 1);
	closed = end(AF_INET, SIZE, 0), closed6 = end(TCP_MAPPED, 10, 0);
	nobody = refused();
	if (cut < 0 || cut6 < 0 || empty < 0 || closed < 0 || closed6 < 0 || nobody < 0) {
		pr_perror("cannot set up: %d %d %d %d %d %d", cut, cut6, empty, closed, closed6, nobody);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (is_over(cut, SIZE, ECONNRESET) && is_over(cut6, 10, ECONNRESET) && is_over(empty, 0, ECONNRESET) &&
	    is_over(closed, SIZE, 0) && is_over(closed6, 10, 0)) {
		if (error_of(nobody) != ECONNREFUSED)
			fail("who was refused is not told");
		else
			pass();
	}
	return 0;
}
