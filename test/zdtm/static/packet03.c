// SPDX-License-Identifier: GPL-2.0-only
/* A packet socket of type SOCK_PACKET: it receives what it did, of that interface and protocol. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* By lo, with that number behind its header. */
static int send_packet(int protocol, int number)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	unsigned char packet[ETH_ZLEN] = { [2 * ETH_ALEN] = protocol >> 8, protocol & 0xff, number };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	to.sll_ifindex = (int)if_nametoindex("lo");
	if (fd < 0 || sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) != sizeof(packet))
		return -1;
	return close(fd);
}

/* The number of the next one, and where it came from; -1 if none comes. */
static int receive(int fd, char *device)
{
	unsigned char packet[ETH_FRAME_LEN];
	struct sockaddr from = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(from);

	if (recvfrom(fd, packet, sizeof(packet), 0, &from, &len) < ETH_ZLEN)
		return -1;
	memcpy(device, from.sa_data, sizeof(from.sa_data));
	return packet[ETH_HLEN];
}

int main(int argc, char **argv)
{
	const struct timeval within = { .tv_sec = 20 };
	struct sockaddr bound = { .sa_family = AF_PACKET, .sa_data = "lo" }, now;
	socklen_t len = sizeof(now);
	char device[sizeof(now.sa_data)] = "";
	uint16_t protocol;
	int fd, any, number;

	test_init(argc, argv);
	/* Tests that run at the same time have the same lo. */
	if (getrandom(&protocol, sizeof(protocol), 0) < 0) {
		pr_perror("no random number");
		return 1;
	}
	protocol = 0x9000 + protocol % 0x6000;
	fd = socket(AF_PACKET, SOCK_PACKET, htons(protocol));
	any = socket(AF_PACKET, SOCK_PACKET, htons(protocol));
	if (fd < 0 || any < 0 || bind(fd, &bound, sizeof(bound)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof(within)) ||
	    setsockopt(any, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof(within))) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getsockname(fd, &now, &len) || strcmp(now.sa_data, "lo")) {
		fail("it is bound to %.14s", now.sa_data);
		return 0;
	}
	if (send_packet(protocol ^ 1, 1) || send_packet(protocol, 2)) {
		pr_perror("cannot send");
		return 1;
	}
	if ((number = receive(fd, device)) != 2 || strcmp(device, "lo"))
		fail("packet %d comes from %.14s", number, device);
	else if ((number = receive(any, device)) != 2)
		fail("packet %d comes to the one without a device", number);
	else
		pass();
	return 0;
}
