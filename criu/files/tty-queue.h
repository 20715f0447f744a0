// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <termios.h>

#include <array>
#include <cstdint>

#include "criu/base/fd.h"

namespace criu::files {

// What waits to be read at one end of a pseudo-terminal. The kernel shows it to nobody but who
// takes it away. So it is taken and put back, in a child that goes on when the caller is killed:
// everything here calls the kernel and nothing else, and an error is an errno.
struct TtyQueue {
  // More than the kernel lets stand there: drivers/tty/pty.c, 8192 behind the 4096 of N_TTY.
  static constexpr uint32_t kMost = 32768;

  uint32_t size = 0;
  std::array<uint8_t, kMost> data{};
  // Of the slave in canonical mode: where its lines end. What follows is not finished.
  uint32_t lines = 0;
  std::array<uint32_t, kMost> line_end{};
  // Of the slave: how many of the bytes, the last ones, the terminal has not worked on yet, for
  // want of room. They are as somebody has typed them.
  uint32_t behind = 0;

  bool is_empty() const { return size == 0 && lines == 0; }
  uint32_t worked_on() const { return size - behind; }
  // As most are: all of them end with a newline, and there is no other.
  bool has_plain_lines() const;
  void set_plain_lines();
  // Of the slave that has these modes: what does not fit is not worked on, and is no line yet.
  void find_behind(const termios& modes);
};

// Both queues of a pseudo-terminal, and whether its output is stopped (Ctrl-S).
struct TtyQueues {
  TtyQueue to_master, to_slave;
  bool is_stopped = false;
};

// The slave, open without leaving a trace: one that has never been open still waits for that
// afterwards, which its master can see.
class SlaveForNow {
 public:
  SlaveForNow(int master, bool was_open);
  ~SlaveForNow();
  SlaveForNow(const SlaveForNow&) = delete;
  SlaveForNow& operator=(const SlaveForNow&) = delete;
  int get() const { return fd_; }  // negative: it cannot be opened

 private:
  void lock(bool locked) const;

  int master_;
  bool was_open_, was_locked_;
  int fd_;
};

int take_queues(int master, int slave, TtyQueues& queues);
// modes: what the terminal has then. The queues are empty before.
int put_queues(int master, int slave, const termios& modes, const TtyQueues& queues);

}  // namespace criu::files
