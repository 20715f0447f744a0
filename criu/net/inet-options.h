// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

#include "criu/image/message.h"
#include "criu/net/told-options.h"

namespace criu::net {

// Options of the levels IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP and IPPROTO_UDP. Those that differ
// from a new socket's are stored, whatever they are.
//
// Dump: fills in ip_opts, tcp_opts, v6only and option of an entry whose family, type and protocol
// are set, and opts. told: what is known of them already. May be called by several threads.
void read_inet_options(image::Arena& arena, InetSkEntry& entry, int fd, const std::string& who,
                       const ToldOptions& told = {});

// Restore: what has to be there before a socket is bound, and all the rest.
void set_options_for_bind(int fd, const InetSkEntry& entry, const std::string& who);
void set_inet_options(int fd, const InetSkEntry& entry, const std::string& who);

}  // namespace criu::net
