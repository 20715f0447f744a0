// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that have joined multicast groups, IPv4 and IPv6, of all sources, of all but one, and of one alone; a socket
 * that has joined none hears nothing.
 */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *groups[] = { "239.7.7.1", "239.7.7.2", "239.7.7.3" };
static const char group6[] = "ff15::7701";
static unsigned int lo;

static int receiver(int family, int *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { .any.sa_family = family };
	socklen_t len = sizeof(a);
	int fd = socket(family, SOCK_DGRAM, 0), off = 0;

	/* Not what others have joined. */
	if (family == AF_INET && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof(off)))
		return -1;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof(off)))
		return -1;
	if (fd < 0 || bind(fd, &a.any, len) || getsockname(fd, &a.any, &len))
		return -1;
	*port = family == AF_INET ? a.v4.sin_port : a.v6.sin6_port;
	return fd;
}

static int join(int fd, const char *group)
{
	struct ip_mreqn r = { .imr_ifindex = lo };

	inet_pton(AF_INET, group, &r.imr_multiaddr);
	return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, sizeof(r));
}

static int by_source(int fd, int option, const char *group, const char *source)
{
	struct group_source_req r = { .gsr_interface = lo };

	r.gsr_group.ss_family = r.gsr_source.ss_family = AF_INET;
	inet_pton(AF_INET, group, &((struct sockaddr_in *)&r.gsr_group)->sin_addr);
	inet_pton(AF_INET, source, &((struct sockaddr_in *)&r.gsr_source)->sin_addr);
	return setsockopt(fd, IPPROTO_IP, option, &r, sizeof(r));
}

/* What is sent over the loopback interface takes a moment on a busy machine. */
static int hears(int fd, int should)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, should ? 20000 : 20) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) == 1;
}

/* Whether the receiver gets what is sent to the group from that address of the loopback interface. */
static int gets(int fd, int port, const char *group, const char *source, int should)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = port }, from = { .sin_family = AF_INET };
	struct ip_mreqn out = { .imr_ifindex = lo };
	int sender = socket(AF_INET, SOCK_DGRAM, 0), rc = -1;

	inet_pton(AF_INET, group, &to.sin_addr);
	inet_pton(AF_INET, source, &from.sin_addr);
	if (!setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) &&
	    !bind(sender, (struct sockaddr *)&from, sizeof(from)) &&
	    sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1)
		rc = hears(fd, should);
	close(sender);
	return rc;
}

/* Not by what comes: there may be no route to a group on the loopback interface. */
static int is_in6(int fd)
{
	struct group_filter filter = { .gf_interface = lo };
	socklen_t len = sizeof(filter);

	filter.gf_group.ss_family = AF_INET6;
	inet_pton(AF_INET6, group6, &((struct sockaddr_in6 *)&filter.gf_group)->sin6_addr);
	return !getsockopt(fd, IPPROTO_IPV6, MCAST_MSFILTER, &filter, &len) && filter.gf_fmode == MCAST_EXCLUDE;
}

static int check(int fd, int port, int alone, int alone_port, int v6, int other6)
{
	static const int wanted[] = { 1, 1, 0, 0, 1, 0, 1, 0 };
	const int got[] = {
		gets(fd, port, groups[0], "127.0.0.1", wanted[0]),
		gets(fd, port, groups[1], "127.0.0.1", wanted[1]),
		gets(fd, port, groups[1], "127.0.0.2", wanted[2]),
		gets(fd, port, groups[2], "127.0.0.1", wanted[3]),
		gets(fd, port, groups[2], "127.0.0.2", wanted[4]),
		gets(alone, alone_port, groups[0], "127.0.0.1", wanted[5]),
		is_in6(v6),
		is_in6(other6),
	};
	size_t i;

	for (i = 0; i < array_size(got); i++)
		if (got[i] != wanted[i])
			return (int)i + 1;
	return 0;
}

int main(int argc, char **argv)
{
	int fd, port, alone, alone_port, v6, other6, port6, wrong;
	struct ipv6_mreq r6;

	test_init(argc, argv);
	lo = if_nametoindex("lo");
	fd = receiver(AF_INET, &port);
	alone = receiver(AF_INET, &alone_port);
	v6 = receiver(AF_INET6, &port6);
	other6 = receiver(AF_INET6, &port6);
	r6.ipv6mr_interface = lo;
	inet_pton(AF_INET6, group6, &r6.ipv6mr_multiaddr);
	/* All sources; all but 127.0.0.2; 127.0.0.2 alone. */
	if (fd < 0 || alone < 0 || v6 < 0 || other6 < 0 || join(fd, groups[0]) || join(fd, groups[1]) ||
	    by_source(fd, MCAST_BLOCK_SOURCE, groups[1], "127.0.0.2") ||
	    by_source(fd, MCAST_JOIN_SOURCE_GROUP, groups[2], "127.0.0.2") ||
	    setsockopt(v6, IPPROTO_IPV6, IPV6_JOIN_GROUP, &r6, sizeof(r6))) {
		pr_perror("cannot join");
		return 1;
	}
	wrong = check(fd, port, alone, alone_port, v6, other6);
	if (wrong) {
		pr_err("what is sent is not received as it should be (%d)", wrong);
		return 1;
	}

	test_daemon();
	test_waitsig();

	wrong = check(fd, port, alone, alone_port, v6, other6);
	if (wrong)
		fail("what is sent is not received as it was before (%d)", wrong);
	else
		pass();
	return 0;
}
