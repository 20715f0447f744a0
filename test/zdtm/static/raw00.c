// SPDX-License-Identifier: GPL-2.0-only
/* Raw sockets: one that is connected, with a filter of ICMP types; one that writes its own headers; one of IPv6. */
#include "zdtmtst.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#define ICMP_FILTER 1

static uint16_t checksum(const void *data, size_t len)
{
	const uint16_t *words = data;
	uint32_t sum = 0;

	for (; len > 1; len -= 2)
		sum += *words++;
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct icmphdr echo = { .type = ICMP_ECHO, .un.echo = { .id = htons(0x7a64), .sequence = htons(1) } };
	uint32_t filter = ~(1U << ICMP_ECHOREPLY), value = 0;
	struct icmp6_filter filter6, value6;
	unsigned char answer[256];
	int fd, own, v6, hdrincl = 0;
	socklen_t len = sizeof(value);
	ssize_t n;

	test_init(argc, argv);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	own = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	v6 = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	ICMP6_FILTER_SETBLOCKALL(&filter6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
	if (fd < 0 || own < 0 || v6 < 0 || setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(v6, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	echo.checksum = checksum(&echo, sizeof(echo));
	if (getsockopt(fd, SOL_RAW, ICMP_FILTER, &value, &len) || value != filter) {
		fail("the filter is %#x", value);
		return 1;
	}
	len = sizeof(hdrincl);
	if (getsockopt(own, IPPROTO_IP, IP_HDRINCL, &hdrincl, &len) || !hdrincl) {
		fail("the headers are not its own");
		return 1;
	}
	len = sizeof(value6);
	if (getsockopt(v6, IPPROTO_ICMPV6, ICMP6_FILTER, &value6, &len) || memcmp(&value6, &filter6, sizeof(value6))) {
		fail("the filter of IPv6 is another one");
		return 1;
	}
	/* What others send to this machine meanwhile comes too. */
	while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
		;
	if (send(fd, &echo, sizeof(echo), 0) != sizeof(echo)) {
		fail_errno("it is not connected");
		return 1;
	}
	n = recv(fd, answer, sizeof(answer), 0);
	if (n < (ssize_t)(sizeof(echo) + 20) || answer[20] != ICMP_ECHOREPLY)
		fail("the answer has %zd bytes and the type %d", n, answer[20]);
	else
		pass();
	return 0;
}
