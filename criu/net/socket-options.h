// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <span>
#include <string>
#include <vector>

#include "criu/files/file-kind.h"
#include "criu/net/told-options.h"

namespace criu::net {

constexpr int kPassPidfd = 76;  // SO_PASSPIDFD, since Linux 6.5

// SO_DOMAIN, socket(7); -1 for what is no socket.
int socket_domain(const files::OpenFile& file);

// An option that is a number. Throws Error naming `what`.
int get_option(int fd, int level, int name, const std::string& what);
// One that not every socket or kernel has: false where it is not there. size: bytes that value is
// for, and then bytes of it. Throws Error for any other failure.
bool ask_option(int fd, int level, int name, void* value, socklen_t& size, const std::string& what);
void set_option(int fd, int level, int name, int value, const std::string& what);

// What images have of an option.
InetOptionEntry* option_entry(image::Arena& arena, int level, int name, const void* value,
                              size_t size);
// Options that are numbers: those of them that are not 0. One that the kernel does not know is 0.
std::vector<InetOptionEntry*> read_numbers(image::Arena& arena, int fd, int level,
                                           std::span<const int> names, const std::string& what);
// Sets what was read so. Throws Error naming `what`.
void set_option(int fd, const InetOptionEntry& option, const std::string& what);

// Options of level SOL_SOCKET that sockets of all families have. what: for messages; told: what is
// known of them already.
SkOptsEntry* read_socket_options(image::Arena& arena, int fd, const std::string& what,
                                 const ToldOptions& told = {});
// Sets them; last, as they may limit what a queue takes.
void set_socket_options(int fd, const SkOptsEntry& options, const std::string& what);

// Those of them that a connection has from the UNIX socket that listens: as that connects since
// Linux 6.16 (net/unix/af_unix.c, unix_stream_connect()), as it is accepted before.
void set_inherited_options(int fd, const SkOptsEntry& options, const std::string& what);

// Lets as much be queued as may have to be, until set_socket_options() sets what was.
void widen_socket(int fd);
// The same of what is received, where the receiver's buffer counts.
void widen_receive(int fd);

}  // namespace criu::net
