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

/* Bytes. */
static size_t slot_size(const struct packet_ring *ring)
{
	return ring->version == TPACKET_V3 ? BLOCK : FRAME;
}

int ring_make(struct packet_ring *ring, int version)
{
	struct tpacket_req3 request = { .tp_block_size = BLOCK, .tp_frame_size = FRAME, .tp_retire_blk_tov = 1 };
	socklen_t len = version == TPACKET_V3 ? sizeof(request) : sizeof(struct tpacket_req);
	struct sockaddr_ll a;
	uint16_t number;
	size_t bytes;

	ring->version = version;
	/* Tests that run at the same time have the same lo, and perhaps the same pid. */
	if (getrandom(&number, sizeof(number), 0) < 0)
		return -1;
	ring->protocol = 0x9000 + number % 0x6000;
	ring->next = 0;
	ring->fd = socket(AF_PACKET, SOCK_RAW, 0);
	a = address(ring);
	bytes = RING_SLOTS * slot_size(ring);
	request.tp_block_nr = bytes / BLOCK;
	request.tp_frame_nr = bytes / FRAME;
	if (ring->fd < 0 || setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, len))
		return -1;
	ring->slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->slots == MAP_FAILED)
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

/* What is in the next slot, if the kernel has filled it; the slot is the kernel's again if the packet is taken. */
static int look(struct packet_ring *ring, int take)
{
	unsigned char *slot = ring->slots + ring->next * slot_size(ring);
	struct tpacket_hdr *v1 = (void *)slot;
	struct tpacket2_hdr *v2 = (void *)slot;
	struct tpacket_hdr_v1 *block = &((struct tpacket_block_desc *)slot)->hdr.bh1;
	struct tpacket3_hdr *v3 = (void *)(slot + block->offset_to_first_pkt);
	uint32_t *flags = ring->version == TPACKET_V3 ? &block->block_status : &v2->tp_status;
	int is_v1 = ring->version == TPACKET_V1, number;
	unsigned long status = is_v1 ? __atomic_load_n(&v1->tp_status, __ATOMIC_ACQUIRE) :
				       __atomic_load_n(flags, __ATOMIC_ACQUIRE);

	if (!(status & TP_STATUS_USER))
		return -1;
	if (is_v1)
		number = slot[v1->tp_mac + ETH_HLEN];
	else if (ring->version == TPACKET_V2)
		number = slot[v2->tp_mac + ETH_HLEN];
	else
		number = block->num_pkts == 1 ? ((unsigned char *)v3)[v3->tp_mac + ETH_HLEN] : 1000;
	if (!take)
		return number;
	if (is_v1)
		__atomic_store_n(&v1->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	else
		__atomic_store_n(flags, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	ring->next = (ring->next + 1) % RING_SLOTS;
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
