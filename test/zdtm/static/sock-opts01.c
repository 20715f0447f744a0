// SPDX-License-Identifier: GPL-2.0-only
/* Options that few programs set, each of a socket of its own. */
#include "zdtmtst.h"

#include <linux/icmpv6.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RAW_LEVEL = 255 }; /* SOL_RAW, linux/socket.h */
/* Not in every libc: asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h. */
enum { RCVMARK = 75, PASSPIDFD = 76, RCVPRIORITY = 82, PASSRIGHTS = 83, TIMESTAMP_NEW = 63, TIMESTAMPNS_NEW = 64,
       TIMESTAMPING_NEW = 65, TXREHASH = 74, RECVERR_RFC4884 = 26, PORT_RANGE = 51, V6_RECVERR_RFC4884 = 31,
       RTO_MAX_MS = 44, RTO_MIN_US = 45, DELACK_MAX_US = 46 };

#define BYTES(n)  { (n) & 0xff, (n) >> 8 & 0xff, (n) >> 16 & 0xff, 0 }, 4
#define NUMBER(n) BYTES(n), false, false
#define NEWER(n)  BYTES(n), true, false
#define CLOSED(n) BYTES(n), false, true

static const struct option {
	int family, type, protocol, level, name;
	unsigned char value[16];
	socklen_t size;
	bool may_be_missing;
	bool stays_closed; /* does not listen */
} options[] = {
	{ AF_INET, SOCK_STREAM, 0, SOL_SOCKET, SO_MAX_PACING_RATE, { 0x40, 0x42, 0xf }, 8, false, false },
	{ AF_INET, SOCK_DGRAM, 0, SOL_SOCKET, SO_TXTIME, { 11, 0, 0, 0, 1 }, 8, false, false },
	{ AF_INET, SOCK_STREAM, 0, SOL_SOCKET, TXREHASH, NEWER(0) },
	{ AF_INET, SOCK_DGRAM, 0, SOL_SOCKET, TIMESTAMP_NEW, NUMBER(1) },
	{ AF_UNIX, SOCK_DGRAM, 0, SOL_SOCKET, TIMESTAMPNS_NEW, NUMBER(1) },
	{ AF_INET, SOCK_DGRAM, 0, SOL_SOCKET, TIMESTAMPING_NEW, NUMBER(0x18) },
	{ AF_INET, SOCK_DGRAM, 0, SOL_SOCKET, RCVMARK, NEWER(1) },
	{ AF_INET, SOCK_DGRAM, 0, SOL_SOCKET, RCVPRIORITY, NEWER(1) },
	{ AF_UNIX, SOCK_STREAM, 0, SOL_SOCKET, PASSPIDFD, NEWER(1) },
	{ AF_UNIX, SOCK_STREAM, 0, SOL_SOCKET, PASSRIGHTS, NEWER(0) },
	{ AF_INET, SOCK_DGRAM, 0, SOL_SOCKET, SO_INCOMING_CPU, NUMBER(1) },
	{ AF_INET, SOCK_DGRAM, 0, IPPROTO_IP, IP_OPTIONS, { 7, 7, 4, 0, 0, 0, 0, 0 }, 8, false, false },
	{ AF_INET, SOCK_RAW, IPPROTO_ICMP, IPPROTO_IP, IP_ROUTER_ALERT, NEWER(1) },
	{ AF_INET, SOCK_DGRAM, 0, IPPROTO_IP, RECVERR_RFC4884, NUMBER(1) },
	{ AF_INET, SOCK_DGRAM, 0, IPPROTO_IP, PORT_RANGE, { 0x10, 0x27, 0x20, 0x4e }, 4, true, false },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, V6_RECVERR_RFC4884, NUMBER(1) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_RECVHOPOPTS, NUMBER(1) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_RECVDSTOPTS, NUMBER(1) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_RECVRTHDR, NUMBER(1) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_RECVPATHMTU, NUMBER(1) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_2292PKTINFO, NUMBER(1) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_2292HOPLIMIT, NUMBER(1) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_FLOWINFO, NUMBER(1) },
	{ AF_INET6, SOCK_STREAM, 0, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, NUMBER(1) },
	{ AF_INET6, SOCK_STREAM, 0, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, NUMBER(0) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_DSTOPTS, { 0, 0, 1, 4 }, 8, false, false },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_DONTFRAG, NUMBER(1) },
	{ AF_INET6, SOCK_STREAM, 0, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, NUMBER(0x401) },
	{ AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, IPV6_MINHOPCOUNT, NUMBER(3) },
	{ AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, RAW_LEVEL, IPV6_CHECKSUM, NUMBER(4) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, TCP_MAXSEG, NUMBER(600) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, TCP_MAXSEG, CLOSED(700) },
	{ AF_INET, SOCK_STREAM, 0, SOL_SOCKET, SO_INCOMING_CPU, CLOSED(1) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, TCP_WINDOW_CLAMP, NUMBER(5000) },
	{ AF_INET6, SOCK_STREAM, 0, IPPROTO_TCP, TCP_WINDOW_CLAMP, CLOSED(6000) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, TCP_FASTOPEN_KEY, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 16, false, false },
	{ AF_PACKET, SOCK_DGRAM, 0, SOL_SOCKET, SO_MAX_PACING_RATE, { 0x40, 0x42, 0xf }, 8, false, false },
	{ AF_PACKET, SOCK_RAW, 0, SOL_SOCKET, SO_TXTIME, { 1, 0, 0, 0, 2 }, 8, false, false },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, NUMBER(1) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, NUMBER(1) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, TCP_INQ, NUMBER(1) },
	{ AF_INET6, SOCK_STREAM, 0, IPPROTO_TCP, TCP_TX_DELAY, NUMBER(1) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, RTO_MAX_MS, NEWER(2000) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, RTO_MIN_US, NEWER(100000) },
	{ AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, DELACK_MAX_US, NEWER(100000) },
	/* Only of kernels with IPsec. */
	{ AF_INET, SOCK_DGRAM, 0, IPPROTO_UDP, UDP_ENCAP, NEWER(UDP_ENCAP_ESPINUDP) },
};

struct value {
	unsigned char bytes[64];
	socklen_t size;
};

static struct value get(int fd, const struct option *o)
{
	struct value v = { .size = sizeof(v.bytes) };

	if (getsockopt(fd, o->level, o->name, v.bytes, &v.size))
		v.size = 0;
	return v;
}

int main(int argc, char **argv)
{
	struct value fresh, before[array_size(options)], now;
	int fds[array_size(options)];

	test_init(argc, argv);
	for (size_t i = 0; i < array_size(options); i++) {
		const struct option *o = &options[i];

		fds[i] = socket(o->family, o->type, o->protocol);
		/* Some of what a connection has for itself shows only of those that listen. */
		if (fds[i] < 0 ||
		    (o->type == SOCK_STREAM && o->family != AF_UNIX && !o->stays_closed && listen(fds[i], 1))) {
			pr_perror("socket %zu", i);
			return 1;
		}
		fresh = get(fds[i], o);
		if (setsockopt(fds[i], o->level, o->name, o->value, o->size) && (!o->may_be_missing || errno != ENOPROTOOPT)) {
			pr_perror("option %d of level %d", o->name, o->level);
			return 1;
		}
		before[i] = get(fds[i], o);
		if (!o->may_be_missing && !memcmp(&before[i], &fresh, sizeof(fresh))) {
			pr_err("option %d of level %d does not show", o->name, o->level);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < array_size(options); i++) {
		now = get(fds[i], &options[i]);
		if (memcmp(&now, &before[i], sizeof(now)))
			fail("option %d of level %d is %d (%u bytes), was %d (%u bytes)", options[i].name, options[i].level,
			     *(int *)now.bytes, now.size, *(int *)before[i].bytes, before[i].size);
	}
	pass();
	return 0;
}
