// SPDX-License-Identifier: GPL-2.0-only
/* Rings of packet sockets. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 4096
#define FRAME 1024

static struct sockaddr_ll address(const struct packet_ring *ring)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };

	a.sll_protocol = htons(ring->protocol);
	a.sll_ifindex = (int)if_nametoindex("lo");
	return a;
}

int ring_make(struct packet_ring *ring, int version)
{
	const struct tpacket_req request = { .tp_block_size = BLOCK, .tp_block_nr = RING_FRAMES * FRAME / BLOCK,
					     .tp_frame_size = FRAME, .tp_frame_nr = RING_FRAMES };
	struct sockaddr_ll a;
	uint16_t number;

	ring->version = version;
	/* Tests that run at the same time have the same lo, and perhaps the same pid. */
	if (getrandom(&number, sizeof(number), 0) < 0)
		return -1;
	ring->protocol = 0x9000 + number % 0x6000;
	ring->next = 0;
	ring->fd = socket(AF_PACKET, SOCK_RAW, 0);
	a = address(ring);
	if (ring->fd < 0 || setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)))
		return -1;
	ring->frames = mmap(NULL, RING_FRAMES * FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->frames == MAP_FAILED)
		return -1;
	return bind(ring->fd, (struct sockaddr *)&a, sizeof(a));
}

int ring_send(const struct packet_ring *ring, int number)
{
	const struct sockaddr_ll a = address(ring);
	unsigned char packet[ETH_ZLEN] = { [2 * ETH_ALEN] = ring->protocol >> 8, ring->protocol & 0xff, number };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), rc;

	if (fd < 0)
		return -1;
	rc = sendto(fd, packet, sizeof(packet), 0, (const struct sockaddr *)&a, sizeof(a)) == sizeof(packet) ? 0 : -1;
	close(fd);
	return rc;
}

/* What is in the next frame, if the kernel has filled it; the frame is the kernel's again if the packet is taken. */
static int look(struct packet_ring *ring, int take)
{
	unsigned char *frame = ring->frames + ring->next * FRAME;
	struct tpacket_hdr *v1 = (void *)frame;
	struct tpacket2_hdr *v2 = (void *)frame;
	int is_v1 = ring->version == TPACKET_V1, number;
	unsigned long status = is_v1 ? __atomic_load_n(&v1->tp_status, __ATOMIC_ACQUIRE) :
				       __atomic_load_n(&v2->tp_status, __ATOMIC_ACQUIRE);

	if (!(status & TP_STATUS_USER))
		return -1;
	number = frame[(is_v1 ? v1->tp_mac : v2->tp_mac) + ETH_HLEN];
	if (!take)
		return number;
	if (is_v1)
		__atomic_store_n(&v1->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&v2->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	ring->next = (ring->next + 1) % RING_FRAMES;
	return number;
}

int ring_receive(struct packet_ring *ring)
{
	const int64_t until = now_us() + 5000000;
	int number;

	while ((number = look(ring, 1)) < 0 && now_us() < until)
		usleep(100);
	return number;
}

int ring_has_unread(struct packet_ring *ring)
{
	return look(ring, 0) >= 0;
}
