// SPDX-License-Identifier: GPL-2.0-only
/* A packet socket that has asked for an address twice has to give it back twice. */
#include "zdtmtst.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const unsigned char address[] = { 0x33, 0x33, 0x7a, 0x64, 0x74, 0x32 };

/* How many want the interface to receive for that address. */
static int wanted(void)
{
	char text[16384], *line, *save;
	int users;

	if (read_file("/proc/net/dev_mcast", text, sizeof(text)) < 0)
		return -1;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "33337a647432") && sscanf(line, "%*d lo %d", &users) == 1)
			return users;
	return 0;
}

int main(int argc, char **argv)
{
	struct packet_mreq r = { .mr_type = PACKET_MR_MULTICAST, .mr_alen = sizeof(address) };
	int fd;

	test_init(argc, argv);
	r.mr_ifindex = (int)if_nametoindex("lo");
	memcpy(r.mr_address, address, sizeof(address));
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &r, sizeof(r)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &r, sizeof(r)) || wanted() != 1) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &r, sizeof(r)) || wanted() != 1)
		fail("what it had asked for twice is gone at once");
	else if (setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &r, sizeof(r)) || wanted() != 0)
		fail("the interface still receives for its address");
	else
		pass();
	return 0;
}
