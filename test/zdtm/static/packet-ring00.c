// SPDX-License-Identifier: GPL-2.0-only
/* A mapped ring of a packet socket (PACKET_RX_RING, TPACKET_V2): the program and the kernel meet at the same slot again. */
#include "zdtmtst.h"

#include <linux/if_packet.h>

#ifndef VERSION
#define VERSION TPACKET_V2
#endif

int main(int argc, char **argv)
{
	struct packet_ring ring;
	int i;

	test_init(argc, argv);
	if (ring_make(&ring, VERSION)) {
		pr_perror("cannot set up");
		return 1;
	}
	/* Beyond the end of the ring once. */
	for (i = 0; i < RING_SLOTS + 3; i++) {
		if (ring_send(&ring, i) || ring_receive(&ring) != i) {
			pr_err("packet %d does not come\n", i);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < 2 * RING_SLOTS; i++) {
		if (ring_send(&ring, i) || ring_receive(&ring) != i) {
			fail("packet %d does not come to slot %d", i, ring.next);
			return 0;
		}
	}
	if (ring_has_unread(&ring))
		fail("there is a packet that nobody has sent");
	else
		pass();
	return 0;
}
