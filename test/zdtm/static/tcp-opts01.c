// SPDX-License-Identifier: GPL-2.0-only
/* Options of TCP connections that sock_diag(7) tells of, IPv4 and IPv6: set, and as they were. */
#include "zdtmtst.h"

#include <linux/in6.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

#define IP_BIND_NO_PORT 24 /* IP_BIND_ADDRESS_NO_PORT, linux/in.h */

static const struct {
	int level, name, value;
} options[] = {
	{ SOL_SOCKET, SO_SNDBUF, 30000 },
	{ SOL_SOCKET, SO_RCVBUF, 400000 },
	{ SOL_SOCKET, SO_PRIORITY, 5 },
	{ SOL_SOCKET, SO_MARK, 77 },
	{ IPPROTO_IP, IP_TOS, 0x48 },
	{ IPPROTO_IP, IP_RECVERR, 1 },
	{ IPPROTO_IP, IP_FREEBIND, 1 },
	{ IPPROTO_IP, IP_TRANSPARENT, 1 },
	{ IPPROTO_IP, IP_BIND_NO_PORT, 1 },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, 0 },
	{ IPPROTO_IP, IP_MULTICAST_ALL, 0 },
	{ IPPROTO_IPV6, IPV6_TCLASS, 0x28 }, /* the last: of IPv6 only */
};
#define IPV4_OPTIONS (array_size(options) - 1)

struct state {
	int values[array_size(options)];
	char device[16];
};

static int look(int fd, size_t count, struct state *s)
{
	socklen_t size = sizeof(s->device);

	memset(s, 0, sizeof(*s));
	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s->device, &size))
		return -1;
	for (size_t i = 0; i < count; i++) {
		size = sizeof(int);
		if (getsockopt(fd, options[i].level, options[i].name, &s->values[i], &size))
			return -1;
	}
	return 0;
}

static int set(int fd, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int)))
			return -1;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
}

static void compare(const char *what, const struct state *is, const struct state *was)
{
	for (size_t i = 0; i < array_size(options); i++)
		if (is->values[i] != was->values[i])
			fail("%s: option %d of level %d is %d, was %d", what, options[i].name, options[i].level,
			     is->values[i], was->values[i]);
	if (strcmp(is->device, was->device))
		fail("%s: the device is '%s', was '%s'", what, is->device, was->device);
}

int main(int argc, char **argv)
{
	const int families[] = { AF_INET, AF_INET6 };
	const size_t counts[] = { IPV4_OPTIONS, array_size(options) };
	struct state before[2][2], after;
	int ends[2][2];

	test_init(argc, argv);
	for (int f = 0; f < 2; f++) {
		if (tcp_pair(families[f], ends[f], NULL) || set(ends[f][0], counts[f])) {
			pr_perror("cannot make a connection with these options");
			return 1;
		}
		for (int end = 0; end < 2; end++)
			if (look(ends[f][end], counts[f], &before[f][end])) {
				pr_perror("cannot read the options");
				return 1;
			}
	}

	test_daemon();
	test_waitsig();

	for (int f = 0; f < 2; f++) {
		for (int end = 0; end < 2; end++) {
			if (look(ends[f][end], counts[f], &after))
				fail_errno("cannot read the options");
			compare(end ? "untouched" : "set", &after, &before[f][end]);
		}
		if (tcp_works(ends[f]))
			fail_errno("the connection does not work");
	}
	pass();
	return 0;
}
