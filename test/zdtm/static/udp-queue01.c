// SPDX-License-Identifier: GPL-2.0-only
/* The queue of an IPv6 socket, to which datagrams of IPv4 come as well; and that of a UDP-Lite socket. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int make(int family, int protocol, union address *a)
{
	int fd = socket(family, SOCK_DGRAM, protocol);
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	a->any.sa_family = family;
	return fd < 0 || bind(fd, &a->any, len) || getsockname(fd, &a->any, &len) ? -1 : fd;
}

/* As the sender: returns its port, in network order; 0: it has failed. */
static in_port_t send_to(int receiver, int family, int protocol, in_port_t port, const char *text)
{
	union address own, to = { .any.sa_family = family };
	int fd = make(family, protocol, &own);

	if (family == AF_INET)
		to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK), to.v4.sin_port = port;
	else
		to.v6.sin6_addr = in6addr_loopback, to.v6.sin6_port = port;
	if (fd < 0 || udp_deliver(fd, receiver, text, strlen(text), &to, sizeof(to)))
		return 0;
	close(fd);
	return family == AF_INET ? own.v4.sin_port : own.v6.sin6_port;
}

static void expect(int fd, const char *text, const struct in6_addr *from, in_port_t port)
{
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);
	char buf[64];
	ssize_t size = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&a, &len);

	if (size != (ssize_t)strlen(text) || memcmp(buf, text, strlen(text)))
		fail_errno("%s: %zd bytes come", text, size);
	else if (a.sin6_port != port || memcmp(&a.sin6_addr, from, sizeof(*from)))
		fail("%s: it comes from another sender", text);
}

int main(int argc, char **argv)
{
	static const struct in6_addr mapped = { .s6_addr = { [10] = 0xff, 0xff, 127, [15] = 1 } };
	union address a, lite_at;
	in_port_t v6, v4, lite_from = 0;
	int fd, lite;

	test_init(argc, argv);
	fd = make(AF_INET6, 0, &a);
	lite = make(AF_INET6, IPPROTO_UDPLITE, &lite_at);
	if (lite < 0 && errno != EPROTONOSUPPORT) {
		pr_perror("cannot make a UDP-Lite socket");
		return 1;
	}
	v6 = send_to(fd, AF_INET6, 0, a.v6.sin6_port, "by IPv6");
	v4 = send_to(fd, AF_INET, 0, a.v6.sin6_port, "by IPv4, an odd number of bytes");
	if (lite >= 0)
		lite_from = send_to(lite, AF_INET6, IPPROTO_UDPLITE, lite_at.v6.sin6_port, "UDP-Lite");
	if (fd < 0 || !v6 || !v4 || (lite >= 0 && !lite_from)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	expect(fd, "by IPv6", &in6addr_loopback, v6);
	expect(fd, "by IPv4, an odd number of bytes", &mapped, v4);
	if (lite >= 0)
		expect(lite, "UDP-Lite", &in6addr_loopback, lite_from);
	pass();
	return 0;
}
