// SPDX-License-Identifier: GPL-2.0-only
/* A mapped ring of a packet socket that packets are sent from (PACKET_TX_RING), behind one that it receives into: the kernel begins at its first frame. */
#include "zdtmtst.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifndef SENT_BEFORE
#define SENT_BEFORE 0
#endif

#define FRAMES 4
#define FRAME 1024
#define BLOCK 4096

static int sender;
static unsigned char *frames;

/* Frame i of the ring holds a packet of that protocol and number, and is sent. */
static int send_frame(int i, int protocol, int number)
{
	struct tpacket2_hdr *frame = (void *)(frames + i % FRAMES * FRAME);
	unsigned char *packet = (unsigned char *)frame + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll);

	memset(packet, 0, ETH_ZLEN);
	packet[2 * ETH_ALEN] = protocol >> 8;
	packet[2 * ETH_ALEN + 1] = protocol & 0xff;
	packet[ETH_HLEN] = number;
	frame->tp_len = ETH_ZLEN;
	__atomic_store_n(&frame->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	return send(sender, NULL, 0, 0) == ETH_ZLEN ? 0 : -1;
}

static int make_sender(void)
{
	struct tpacket_req request = { BLOCK, 1, FRAME, FRAMES };
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("lo") };
	int version = TPACKET_V2;
	unsigned char *rings;

	sender = socket(AF_PACKET, SOCK_RAW, 0);
	if (sender < 0 || setsockopt(sender, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(sender, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) ||
	    setsockopt(sender, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)) ||
	    bind(sender, (struct sockaddr *)&a, sizeof(a)))
		return -1;
	rings = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, sender, 0);
	frames = rings + BLOCK;
	return rings == MAP_FAILED ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct packet_ring receiver;
	int i;

	test_init(argc, argv);
	if (ring_make(&receiver, TPACKET_V2) || make_sender()) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < SENT_BEFORE; i++) {
		if (send_frame(i, receiver.protocol, i) || ring_receive(&receiver) != i) {
			pr_perror("cannot send");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (i = SENT_BEFORE; i < SENT_BEFORE + 2 * FRAMES; i++) {
		if (send_frame(i, receiver.protocol, i) || ring_receive(&receiver) != i) {
			fail("frame %d is not sent: %s", i, strerror(errno));
			return 0;
		}
	}
	pass();
	return 0;
}
