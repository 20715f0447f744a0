// SPDX-License-Identifier: GPL-2.0-only
/* Packet sockets with rings (PACKET_RX_RING, PACKET_TX_RING) that are not mapped, and a fanout of two. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCKS 4

static int member(int version, int fanout)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	a.sll_ifindex = (int)if_nametoindex("lo");
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &fanout, sizeof(fanout)))
		return -1;
	return fd;
}

static int option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_PACKET, name, &value, &len) ? -1 : value;
}

/* Whether there are so many bytes of rings to be mapped, and not more. */
static int has_rings(int fd, size_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return 0;
	munmap(map, bytes);
	return 1;
}

int main(int argc, char **argv)
{
	const size_t block = 4096;
	struct tpacket_req3 receive = { .tp_block_size = block, .tp_block_nr = BLOCKS, .tp_frame_size = 2048,
					.tp_frame_nr = 2 * BLOCKS, .tp_retire_blk_tov = 77 };
	struct tpacket_req send = { .tp_block_size = block, .tp_block_nr = 2, .tp_frame_size = 2048, .tp_frame_nr = 4 };
	int v2, v3, fanout = PACKET_FANOUT_HASH << 16 | (PACKET_FANOUT_FLAG_ROLLOVER << 16) | (getpid() & 0xffff);

	test_init(argc, argv);
	v2 = member(TPACKET_V2, fanout);
	v3 = member(TPACKET_V3, fanout);
	if (v2 < 0 || v3 < 0 || setsockopt(v3, SOL_PACKET, PACKET_RX_RING, &receive, sizeof(receive)) ||
	    setsockopt(v2, SOL_PACKET, PACKET_RX_RING, &send, sizeof(send)) ||
	    setsockopt(v2, SOL_PACKET, PACKET_TX_RING, &send, sizeof(send))) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (option(v2, PACKET_VERSION) != TPACKET_V2 || option(v3, PACKET_VERSION) != TPACKET_V3)
		fail("the versions are %d and %d", option(v2, PACKET_VERSION), option(v3, PACKET_VERSION));
	else if (!has_rings(v3, BLOCKS * block) || !has_rings(v2, 4 * block))
		fail_errno("the rings have another size");
	else if (option(v2, PACKET_FANOUT) != fanout || option(v3, PACKET_FANOUT) != fanout)
		fail("the fanouts are %#x and %#x", option(v2, PACKET_FANOUT), option(v3, PACKET_FANOUT));
	else
		pass();
	return 0;
}
