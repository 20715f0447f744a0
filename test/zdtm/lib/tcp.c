// SPDX-License-Identifier: GPL-2.0-only
/* TCP connections over loopback. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t loopback(int family, union address *a)
{
	memset(a, 0, sizeof(*a));
	if (family == AF_INET) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(a->v4);
	}
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_addr = in6addr_loopback;
	if (family == TCP_MAPPED)
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &a->v6.sin6_addr);
	return sizeof(a->v6);
}

int tcp_listen(int family, int backlog)
{
	union address a;
	socklen_t len = loopback(family, &a);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, &a.any, len) || listen(fd, backlog)) {
		close(fd);
		return -1;
	}
	return fd;
}

int tcp_connect(int listening, int flags)
{
	union address a;
	socklen_t len = sizeof(a);
	int fd;

	if (getsockname(listening, &a.any, &len))
		return -1;
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, &a.any, len) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

int tcp_pair(int family, int ends[2], int *listening)
{
	int fd = tcp_listen(family, 8);

	if (fd < 0)
		return -1;
	ends[0] = tcp_connect(fd, 0);
	ends[1] = ends[0] < 0 ? -1 : accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (listening)
		*listening = fd;
	else
		close(fd);
	return ends[1] < 0 ? -1 : 0;
}

int tcp_state(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? -1 : info.tcpi_state;
}

int wait_for_tcp_state(int fd, int state)
{
	int64_t until = now_us() + 20000000;

	while (tcp_state(fd) != state) {
		if (now_us() > until)
			return -1;
		usleep(1000);
	}
	return 0;
}

size_t tcp_fill(int fd, uint32_t *crc)
{
	static unsigned char piece[16384];
	size_t sent = 0;

	for (;;) {
		uint32_t before = *crc, part;
		ssize_t n;

		datagen(piece, sizeof(piece), crc);
		n = send(fd, piece, sizeof(piece), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			n = 0;
		sent += (size_t)n;
		if (n == (ssize_t)sizeof(piece))
			continue;
		part = crc32_update(before, piece, (size_t)n);
		*crc = part;
		return sent;
	}
}

int tcp_drain(int fd, size_t size, uint32_t *crc)
{
	static unsigned char piece[65536];

	while (size) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		size_t most = size < sizeof(piece) ? size : sizeof(piece);
		ssize_t n;

		if (poll(&p, 1, 20000) != 1)
			return -1;
		n = recv(fd, piece, most, MSG_DONTWAIT);
		if (n <= 0)
			return -1;
		*crc = crc32_update(*crc, piece, (size_t)n);
		size -= (size_t)n;
	}
	return 0;
}

int tcp_works(int ends[2])
{
	for (int from = 0; from < 2; from++) {
		struct pollfd p = { .fd = ends[!from], .events = POLLIN };
		char c = 0;

		if (send(ends[from], "w", 1, MSG_NOSIGNAL) != 1 || poll(&p, 1, 20000) != 1 ||
		    recv(ends[!from], &c, 1, MSG_DONTWAIT) != 1 || c != 'w')
			return -1;
	}
	return 0;
}
