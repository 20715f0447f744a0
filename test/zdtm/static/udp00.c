// SPDX-License-Identifier: GPL-2.0-only
/* UDP sockets, IPv4 and IPv6, and UDP-Lite: connected to each other, with the options they have. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_NO_CHECK6_RX
#define UDP_NO_CHECK6_RX 102
#endif
#ifndef UDPLITE_SEND_CSCOV
#define UDPLITE_SEND_CSCOV 10
#endif

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int bound(int family, int protocol, union address *a)
{
	int fd = socket(family, SOCK_DGRAM, protocol);
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	a->any.sa_family = family;
	if (family == AF_INET)
		a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a->v6.sin6_addr = in6addr_loopback;
	if (fd < 0 || bind(fd, &a->any, len) || getsockname(fd, &a->any, &len))
		return -1;
	return fd;
}

/* Two that are connected to each other. */
static int make_pair(int family, int protocol, int fds[2])
{
	union address a, b;

	fds[0] = bound(family, protocol, &a);
	fds[1] = bound(family, protocol, &b);
	return fds[0] < 0 || fds[1] < 0 || connect(fds[0], &b.any, sizeof(b)) || connect(fds[1], &a.any, sizeof(a));
}

static int talks(const char *what, const int fds[2])
{
	char buf[8];

	if (send(fds[0], "there", 5, 0) != 5 || recv(fds[1], buf, sizeof(buf), 0) != 5 ||
	    send(fds[1], "back", 4, 0) != 4 || recv(fds[0], buf, sizeof(buf), 0) != 4) {
		fail_errno("%s: nothing comes through", what);
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	int shut, v4[2], v6[2], lite[2], ttl = 33, cover = 8, yes = 1, value = 0, no_lite;
	socklen_t len = sizeof(value);
	struct pollfd p;

	test_init(argc, argv);
	if (make_pair(AF_INET, 0, v4) || make_pair(AF_INET6, 0, v6) ||
	    setsockopt(v4[0], IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl))) {
		pr_perror("cannot set up");
		return 1;
	}
	no_lite = make_pair(AF_INET, IPPROTO_UDPLITE, lite);
	if (!no_lite && setsockopt(lite[0], IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, &cover, sizeof(cover))) {
		pr_perror("cannot set the coverage");
		return 1;
	}

	if (!no_lite && setsockopt(lite[0], IPPROTO_UDP, UDP_NO_CHECK6_RX, &yes, sizeof(yes))) {
		pr_perror("cannot let checksums be missing");
		return 1;
	}
	/* It has no port, and so is in no table of the kernel's. */
	shut = socket(AF_INET, SOCK_DGRAM, 0);
	if (shut < 0 || shutdown(shut, SHUT_RD) != -1 || errno != ENOTCONN || recv(shut, &value, sizeof(value), 0) != 0) {
		pr_perror("cannot shut a socket down");
		return 1;
	}

	test_daemon();
	test_waitsig();

	p = (struct pollfd){ shut, POLLRDHUP, 0 };

	if (!talks("IPv4", v4) || !talks("IPv6", v6) || (!no_lite && !talks("UDP-Lite", lite)))
		return 1;
	if (getsockopt(v4[0], IPPROTO_IP, IP_TTL, &value, &len) || value != ttl)
		fail("the TTL is %d", value);
	else if (!no_lite && (getsockopt(lite[0], IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, &value, &len) || value != cover))
		fail("the coverage is %d", value);
	else if (!no_lite && (getsockopt(lite[0], IPPROTO_UDP, UDP_NO_CHECK6_RX, &value, &len) || value != yes))
		fail("that checksums may be missing is %d", value);
	else if (poll(&p, 1, 0) != 1 || !(p.revents & POLLRDHUP) || recv(shut, &value, sizeof(value), 0) != 0)
		fail_errno("the one that was shut down can be read from");
	else
		pass();
	return 0;
}
