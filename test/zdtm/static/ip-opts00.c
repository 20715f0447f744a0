// SPDX-License-Identifier: GPL-2.0-only
/* Options of the levels IP and IPv6, and to be bound to an interface, and to an address that is not there. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	int level, name, value;
} options[] = {
	{ IPPROTO_IP, IP_TTL, 44 },	       { IPPROTO_IP, IP_TOS, 0x10 },
	{ IPPROTO_IP, IP_RECVERR, 1 },	       { IPPROTO_IP, IP_PKTINFO, 1 },
	{ IPPROTO_IP, IP_FREEBIND, 1 },	       { IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO },
	{ IPPROTO_IP, IP_RECVTTL, 1 },	       { IPPROTO_IP, IP_MULTICAST_TTL, 9 },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, 0 },  { IPPROTO_IP, IP_RECVTOS, 1 },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, 33 }, { IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
	{ IPPROTO_IPV6, IPV6_TCLASS, 0x20 },   { IPPROTO_IPV6, IPV6_RECVERR, 1 },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 8 }, { IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1 },
};

static int get(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(fd, level, name, &value, &len);
	return value;
}

int main(int argc, char **argv)
{
	struct sockaddr_in nowhere = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = inet_addr("192.0.2.7") };
	int v4, v6, fd, now;
	char device[16] = "";
	socklen_t len = sizeof(device);
	size_t i;

	test_init(argc, argv);
	v4 = socket(AF_INET, SOCK_DGRAM, 0);
	v6 = socket(AF_INET6, SOCK_DGRAM, 0);
	for (i = 0; i < array_size(options); i++) {
		fd = options[i].level == IPPROTO_IP ? v4 : v6;
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int))) {
			pr_perror("option %zu", i);
			return 1;
		}
	}
	if (setsockopt(v6, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) || bind(v4, (struct sockaddr *)&nowhere, sizeof(nowhere))) {
		pr_perror("cannot bind");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(options); i++) {
		now = get(options[i].level == IPPROTO_IP ? v4 : v6, options[i].level, options[i].name);
		if (now != options[i].value) {
			fail("option %d of level %d is %d, not %d", options[i].name, options[i].level, now, options[i].value);
			return 1;
		}
	}
	if (getsockopt(v6, SOL_SOCKET, SO_BINDTODEVICE, device, &len) || strcmp(device, "lo"))
		fail("it is bound to %s", device);
	else if (len = sizeof(nowhere), nowhere.sin_port = 0, getsockname(v4, (struct sockaddr *)&nowhere, &len) ||
		 nowhere.sin_port != htons(9))
		fail("it has another port");
	else
		pass();
	return 0;
}
