// SPDX-License-Identifier: GPL-2.0-only
/* A packet socket: it receives what it did, of that interface and protocol, with its options and the addresses it asked for. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const unsigned char address[] = { 0x33, 0x33, 0x7a, 0x64, 0x74, 0x6d };

/* How many want the interface to receive for that address. */
static int wanted(void)
{
	char text[16384], *line, *save;
	int users;

	if (read_file("/proc/net/dev_mcast", text, sizeof(text)) < 0)
		return -1;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "33337a64746d") && sscanf(line, "%*d lo %d", &users) == 1)
			return users;
	return 0;
}

static int option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_PACKET, name, &value, &len) ? -1 : value;
}

int main(int argc, char **argv)
{
	const struct timeval wait = { .tv_sec = 20 };
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) }, now;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9) };
	struct packet_mreq r = { .mr_type = PACKET_MR_MULTICAST, .mr_alen = sizeof(address) };
	int fd, all, cooked, on = 1, reserve = 64, udp;
	socklen_t len = sizeof(now);
	char buf[2048];
	ssize_t n;

	test_init(argc, argv);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	all = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP));
	cooked = socket(AF_PACKET, SOCK_DGRAM, 0);
	a.sll_ifindex = (int)if_nametoindex("lo");
	r.mr_ifindex = a.sll_ifindex;
	memcpy(r.mr_address, address, sizeof(address));
	if (fd < 0 || all < 0 || cooked < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &r, sizeof(r))) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getsockname(fd, (struct sockaddr *)&now, &len) || now.sll_ifindex != a.sll_ifindex ||
	    now.sll_protocol != a.sll_protocol)
		fail("it is of interface %d and protocol %#x", now.sll_ifindex, ntohs(now.sll_protocol));
	else if ((len = sizeof(now), getsockname(all, (struct sockaddr *)&now, &len)) || now.sll_ifindex != 0 ||
		 now.sll_protocol != htons(ETH_P_ARP))
		fail("the second is of interface %d and protocol %#x", now.sll_ifindex, ntohs(now.sll_protocol));
	else if ((len = sizeof(now), getsockname(cooked, (struct sockaddr *)&now, &len)) || now.sll_protocol != 0)
		fail("the third is of protocol %#x", ntohs(now.sll_protocol));
	else if (option(fd, PACKET_AUXDATA) != 1 || option(fd, PACKET_RESERVE) != reserve)
		fail("the options are %d and %d", option(fd, PACKET_AUXDATA), option(fd, PACKET_RESERVE));
	else if (wanted() != 1)
		fail("%d want the interface to receive for its address", wanted());
	else if (setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &r, sizeof(r)) || wanted() != 0)
		fail("the interface still receives for its address");
	else {
		while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		udp = socket(AF_INET, SOCK_DGRAM, 0);
		sendto(udp, "packet", 6, 0, (struct sockaddr *)&to, sizeof(to));
		/* Others may send by the interface as well. */
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
			if (n == 20 + 8 + 6 && !memcmp(buf + 28, "packet", 6))
				break;
		if (n <= 0)
			fail("the packet does not come");
		else
			pass();
	}
	return 0;
}
