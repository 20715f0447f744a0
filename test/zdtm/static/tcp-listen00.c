// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that listen: IPv6 alone and for both, SO_REUSEPORT in a group, TCP_DEFER_ACCEPT, on a port once bound only. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_on(int family, int option, int value, in_port_t *port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = *port };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = *port };
	struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_STREAM, 0), on = 1;
	int level = option == IPV6_V6ONLY ? IPPROTO_IPV6 : option == SO_REUSEPORT ? SOL_SOCKET : IPPROTO_TCP;

	if (option == SO_REUSEPORT)
		value = on;
	if (fd < 0 || setsockopt(fd, level, option, &value, sizeof(value)) || bind(fd, a, len) || listen(fd, 5) ||
	    getsockname(fd, a, &len))
		return -1;
	*port = family == AF_INET ? v4.sin_port : v6.sin6_port;
	return fd;
}

/* The same port of IPv4: a listener of somebody else could have it, or who connects to it be its own peer. */
static int take(in_port_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = port };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
}

static int reaches(in_port_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc = connect(fd, (struct sockaddr *)&a, sizeof(a)), error = errno;

	close(fd);
	errno = error;
	return rc == 0;
}

int main(int argc, char **argv)
{
	in_port_t alone = 0, both = 0, group = 0, deferred = 0;
	int fds[6], value = 0, i;
	socklen_t len = sizeof(value);

	test_init(argc, argv);
	do {
		alone = 0;
		fds[0] = listen_on(AF_INET6, IPV6_V6ONLY, 1, &alone);
		fds[5] = take(alone);
	} while (fds[5] < 0 && errno == EADDRINUSE && !close(fds[0]));
	fds[1] = listen_on(AF_INET6, IPV6_V6ONLY, 0, &both);
	fds[2] = listen_on(AF_INET, SO_REUSEPORT, 1, &group);
	fds[3] = listen_on(AF_INET, SO_REUSEPORT, 1, &group);
	fds[4] = listen_on(AF_INET, TCP_DEFER_ACCEPT, 7, &deferred);
	for (i = 0; i < 6; i++)
		if (fds[i] < 0) {
			pr_perror("socket %d", i);
			return 1;
		}
	getsockopt(fds[4], IPPROTO_TCP, TCP_DEFER_ACCEPT, &i, &len);

	test_daemon();
	test_waitsig();

	if (reaches(alone))
		fail("IPv4 reaches the one that is for IPv6 alone");
	else if (!reaches(both))
		fail_errno("IPv4 does not reach the one for both");
	else if (!reaches(group) || listen_on(AF_INET, SO_REUSEPORT, 1, &group) < 0)
		fail_errno("no other comes into the group");
	else if (getsockopt(fds[4], IPPROTO_TCP, TCP_DEFER_ACCEPT, &value, &len) || value != i)
		fail("TCP_DEFER_ACCEPT is %d, not %d", value, i);
	else
		pass();
	return 0;
}
