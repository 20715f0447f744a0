// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-urgent.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "criu/base/error.h"
#include "criu/net/tcp-repair.h"
#include "criu/net/tcp-stream.h"

namespace criu::net {

namespace {

bool is_inline(const InetSkEntry& socket) {
  return socket.opts->has_so_oobinline && socket.opts->so_oobinline != 0;
}

// SO_PEEK_OFF; -1: it is off.
int peek_offset(const InetSkEntry& socket) {
  int offset = -1;
  for (size_t i = 0; i < socket.n_option; i++) {
    const InetOptionEntry& o = *socket.option[i];
    if (o.level == SOL_SOCKET && o.name == SO_PEEK_OFF && o.value.len == sizeof offset)
      memcpy(&offset, o.value.data, sizeof offset);
  }
  return offset;
}

// How a queue is looked at: options of the socket, which are its own again in the end.
class View {
 public:
  View(int fd, const InetSkEntry& socket) : fd_(fd), socket_(socket) {
    if (peek_offset(socket) >= 0) set_offset(0);
  }
  ~View() {
    if (is_changed_) undo_peek(fd_, socket_);
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  // From where on MSG_PEEK looks; false: this kernel has no such thing for TCP (before Linux 6.9).
  bool set_offset(uint32_t offset) { return set(SO_PEEK_OFF, static_cast<int>(offset)); }
  // Whether the urgent byte is taken for an ordinary one.
  void set_inline(bool on, const std::string& who) {
    if (!set(SO_OOBINLINE, on ? 1 : 0)) fail_errno("cannot look at urgent data of {}", who);
  }

 private:
  bool set(int name, int value) {
    is_changed_ = true;
    return setsockopt(fd_, SOL_SOCKET, name, &value, sizeof value) == 0;
  }

  int fd_;
  const InetSkEntry& socket_;
  bool is_changed_ = false;
};

// One that can be read out of line. Nothing: there is none, or it was read so.
std::optional<uint8_t> urgent_byte(int fd, const std::string& who) {
  uint8_t byte = 0;
  const ssize_t n = recv(fd, &byte, 1, MSG_OOB | MSG_PEEK | MSG_DONTWAIT);
  if (n == 1) return byte;
  if (n < 0 && errno == EINVAL) return std::nullopt;
  if (n < 0 && errno != EAGAIN) fail_errno("cannot look at urgent data of {}", who);
  fail("{}: urgent data (MSG_OOB) has been announced that has not arrived", who);
}

// From the mark on, which is not the next to be read: MSG_PEEK stops there.
std::vector<uint8_t> peek_behind(int fd, View& view, uint32_t mark, uint32_t length,
                                 std::optional<uint8_t> urgent, const std::string& who) {
  if (view.set_offset(mark)) return peek_chosen_queue(fd, length, who);
  if (length == 1) return {urgent.value_or(0)};
  fail("{}: data stands behind urgent data (MSG_OOB), which this kernel does not show", who);
}

}  // namespace

// SIOCINQ counts up to the mark where the urgent byte is out of line. What has come since diag was
// read nobody has read, so that MSG_OOB tells of a mark that is so new.
Incoming peek_incoming(int fd, const InetSkEntry& socket, const TcpDiag& diag,
                       const std::string& who) {
  View view(fd, socket);
  Incoming in;
  const uint32_t shown = queue_length(fd, SIOCINQ, who);
  const uint32_t fin = has_received_fin(diag.state) ? 1 : 0;
  if (!is_inline(socket) && diag.incoming <= shown + fin && !urgent_byte(fd, who)) {
    in.data = peek_chosen_queue(fd, shown, who);
    return in;
  }
  view.set_inline(false, who);
  const std::optional<uint8_t> urgent = urgent_byte(fd, who);
  const uint32_t mark = queue_length(fd, SIOCINQ, who);
  view.set_inline(true, who);
  const uint32_t length = queue_length(fd, SIOCINQ, who);
  if (mark < length) in.mark = mark, in.was_taken = !urgent;
  const uint32_t first = mark == 0 ? length : mark;
  in.data = peek_chosen_queue(fd, first, who);
  if (first == length) return in;
  const auto rest = peek_behind(fd, view, mark, length - first, urgent, who);
  in.data.insert(in.data.end(), rest.begin(), rest.end());
  return in;
}

void undo_peek(int fd, const InetSkEntry& socket) noexcept {
  const int in_line = is_inline(socket) ? 1 : 0, offset = peek_offset(socket);
  setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &in_line, sizeof in_line);
  setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
}

}  // namespace criu::net
