// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-repair.h"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/net/socket-options.h"

namespace criu::net {

void enter_repair(int fd, const std::string& who) {
  set_option(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON, who);
}

void leave_repair(int fd, int reuse) noexcept {
  const int none = TCP_NO_QUEUE, off = TCP_REPAIR_OFF_NO_WP;
  setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &none, sizeof none);
  setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof off);
  if (reuse != 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
}

void probe_window(int fd, int reuse) {
  const int off = TCP_REPAIR_OFF;
  setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof off);
  if (reuse != 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
}

void choose_queue(int fd, int queue, const std::string& who) {
  set_option(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, queue, who);
}

uint32_t queue_length(int fd, unsigned long request, const std::string& who) {
  int length = 0;
  if (ioctl(fd, request, &length) < 0) fail_errno("cannot ask for the queue of {}", who);
  return static_cast<uint32_t>(length);
}

uint32_t queue_sequence(int fd, const std::string& who) {
  return static_cast<uint32_t>(get_option(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, who));
}

void set_queue_sequence(int fd, uint32_t sequence, const std::string& who) {
  set_option(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, static_cast<int>(sequence), who);
}

// One byte more is asked for, so that one that has more shows.
std::vector<uint8_t> peek_chosen_queue(int fd, size_t length, const std::string& who) {
  if (length == 0) return {};
  std::vector<uint8_t> data(length + 1);
  const ssize_t got = recv(fd, data.data(), data.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got < 0) fail_errno("cannot look into the queue of {}", who);
  if (static_cast<size_t>(got) != length)
    fail("{}: its queue has {} bytes, of which {} can be read", who, length, got);
  data.resize(length);
  return data;
}

void fill_chosen_queue(int fd, const uint8_t* data, size_t size, const std::string& who) {
  constexpr size_t kPiece = 64 << 10;  // what the kernel finds in one piece of memory
  size_t piece = kPiece;
  while (size != 0) {
    const ssize_t n = send(fd, data, std::min(size, piece), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == ENOMEM && piece > 1024) {
      piece /= 2;
      continue;
    }
    if (n <= 0) fail_errno("cannot fill the queue of {}", who);
    data += n, size -= static_cast<size_t>(n);
  }
}

tcp_repair_window repair_window(int fd, const std::string& who) {
  tcp_repair_window window{};
  socklen_t size = sizeof window;
  if (getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, &size) < 0)
    fail_errno("cannot read the window of {}", who);
  return window;
}

void set_repair_window(int fd, const tcp_repair_window& window, const std::string& who) {
  if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, sizeof window) < 0)
    fail_errno("cannot set the window of {}", who);
}

tcp_info connection_info(int fd, const std::string& who) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
    fail_errno("cannot read the state of {}", who);
  return info;
}

}  // namespace criu::net
