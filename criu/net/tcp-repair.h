// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/tcp.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace criu::net {

// The states of include/net/tcp_states.h, for which no header goes with linux/tcp.h.
enum TcpState : uint32_t {
  kEstablished = 1,
  kSynSent,
  kSynReceived,
  kFinWait1,
  kFinWait2,
  kTimeWait,
  kClosed,
  kCloseWait,
  kLastAck,
  kListening,
  kClosing,
};

constexpr bool is_in(uint32_t state, std::initializer_list<TcpState> states) {
  for (const TcpState s : states)
    if (state == s) return true;
  return false;
}
// Whether it has sent, or wants to send, a FIN; whether it has received one.
constexpr bool has_sent_fin(uint32_t state) {
  return is_in(state, {kFinWait1, kFinWait2, kClosing, kLastAck});
}
constexpr bool has_received_fin(uint32_t state) {
  return is_in(state, {kCloseWait, kLastAck, kClosing});
}

// TCP_REPAIR, tcp(7): a socket that does not do what its state asks for. It sends nothing, also
// when it is closed, and shows its queues and numbers.
void enter_repair(int fd, const std::string& who);
// Whoever leaves gets back SO_REUSEADDR, which repair takes for itself, and has chosen no queue.
// Nothing is sent.
void leave_repair(int fd, int reuse) noexcept;
// Of one that is not under repair: sends what asks the peer for its window and for what it has.
void probe_window(int fd, int reuse);

// Bytes; request: SIOCINQ and the like, tcp(7).
uint32_t queue_length(int fd, unsigned long request, const std::string& who);
void choose_queue(int fd, int queue, const std::string& who);  // TCP_*_QUEUE

// Of the chosen queue, under repair.
uint32_t queue_sequence(int fd, const std::string& who);
void set_queue_sequence(int fd, uint32_t sequence, const std::string& who);
std::vector<uint8_t> peek_chosen_queue(int fd, size_t length, const std::string& who);
void fill_chosen_queue(int fd, const uint8_t* data, size_t size, const std::string& who);

tcp_repair_window repair_window(int fd, const std::string& who);
void set_repair_window(int fd, const tcp_repair_window& window, const std::string& who);

// TCP_INFO as far as this kernel has it; the rest is zero.
tcp_info connection_info(int fd, const std::string& who);

}  // namespace criu::net
