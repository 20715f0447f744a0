// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "images/packet-sock.pb-c.h"

namespace criu::net {

// The rings of packet sockets. The one that a packet socket receives into: packet(7)
// PACKET_RX_RING. The program and the kernel go through its slots in turns, each by a position of
// its own; that of a new ring is the first slot. A slot is a frame of one packet, or in version 3
// (TPACKET_V3) a block of many.

uint32_t ring_slots(const PacketRing& ring, uint32_t version);

// Bytes of all rings of the socket, which are mapped together.
uint64_t ring_bytes(const PacketSockEntry& entry);

// The slot that the program looks at next, as far as the slots tell: the oldest one that it has
// not read, else the one after the newest, or that itself while the kernel fills it. who: for
// messages. Throws Error.
uint32_t find_ring_position(int fd, const PacketSockEntry& entry, const std::string& who);

// Whether nothing was ever put into the ring that packets are sent from (PACKET_TX_RING), which is
// zero until then: the kernel is at its first frame. who: for messages. Throws Error.
bool is_send_ring_fresh(int fd, const PacketSockEntry& entry, const std::string& who);

// Lets the kernel go on at that slot of an empty ring, by packets that the loopback interface
// carries: they are of a protocol that nobody listens to, and nothing of them is left to be read.
// Binds the socket, and leaves a filter that lets nothing more in: another restore may do the same
// meanwhile. The caller binds it to what it was bound to, and then replaces the filter. Throws
// Error.
void move_ring(int fd, const PacketSockEntry& entry, uint32_t position, const std::string& who);

}  // namespace criu::net
