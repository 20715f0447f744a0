// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "criu/files/file-kind.h"

namespace criu::net {

// What internet sockets without connections have besides what all have: UDP, raw, and ICMP sockets
// (raw(7), icmp(7)).

// Stores what stands in the queue of a UDP socket. Throws Error for what cannot be stored: data
// that was given to the kernel and waits to be sent (UDP_CORK, MSG_MORE). Warns of what will be
// lost.
void store_datagrams(files::DumpContext& context, InetSkEntry& entry, int fd,
                     const std::string& who);

// The address that a raw or ICMP socket is connected to, in words as the images have it: without a
// port there is none that getpeername(2) tells. Nothing where there is none.
std::optional<std::vector<uint32_t>> find_peer(const InetSkEntry& entry);

}  // namespace criu::net
