// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/tty-queue.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "criu/files/tty-buffer.h"

namespace criu::files {

namespace {

// N_TTY_BUF_SIZE of drivers/tty/n_tty.c, of which one stays free.
constexpr uint32_t kRoom = 4095;

// A step that failed ends what it is part of.
int result_of(int rc) {
  return rc < 0 ? errno : 0;
}

bool polls(int fd, short event) {
  pollfd p{fd, event, 0};
  return poll(&p, 1, 0) == 1 && (p.revents & event) != 0;
}

int set(int terminal, const termios& modes) {
  return result_of(tcsetattr(terminal, TCSANOW, &modes));
}

// A terminal with the modes of its owner as far as they decide about the queue itself, and as far
// as a change would show: in packet mode the master is told of the characters of flow control. It
// takes every other character as it is.
termios plain_modes(const termios& modes) {
  termios plain = modes;
  plain.c_iflag = modes.c_iflag & IXON;
  plain.c_lflag = modes.c_lflag & ICANON;
  for (size_t i = 0; i < std::size(plain.c_cc); i++)
    if (i != VSTART && i != VSTOP && i != VMIN && i != VTIME) plain.c_cc[i] = _POSIX_VDISABLE;
  return plain;
}

// With a newline or another character that ends lines; else it ends by an end of file.
bool ends_itself(std::span<const uint8_t> line, const termios& modes) {
  const uint8_t last = line.empty() ? _POSIX_VDISABLE : line.back();
  return last != _POSIX_VDISABLE &&
         (last == '\n' || last == modes.c_cc[VEOL] || last == modes.c_cc[VEOL2]);
}

// The descriptor may be the task's, with its flags: it is only read when there is something. In
// packet mode a byte goes before what is read.
int take_at_master(int master, TtyQueue& queue) {
  int packets = 0;
  if (ioctl(master, TIOCGPKT, &packets) < 0) return errno;
  while (polls(master, POLLIN)) {
    uint8_t piece[kRoom + 1];
    const ssize_t n = read(master, piece, sizeof piece);
    if (n < 0 && errno == EIO) return 0;  // the slave is closed, and nothing is left
    if (n < 0) return errno;
    const auto head = static_cast<uint32_t>(packets != 0 ? 1 : 0);
    const auto bytes = static_cast<uint32_t>(n) - head;
    if (bytes > TtyQueue::kMost - queue.size) return EOVERFLOW;
    memcpy(queue.data.data() + queue.size, piece + head, bytes);
    queue.size += bytes;
  }
  return 0;
}

// Until there is nothing more. In canonical mode a read gives one line, and none for one that only
// has an end (Ctrl-D).
int take_at_slave(int slave, bool canonical, TtyQueue& queue) {
  for (;;) {
    const ssize_t n = read(slave, queue.data.data() + queue.size, TtyQueue::kMost - queue.size);
    if (n < 0) return errno == EAGAIN ? 0 : errno;
    if (n == 0 && !canonical) return 0;
    queue.size += static_cast<uint32_t>(n);
    if (queue.size == TtyQueue::kMost || queue.lines == TtyQueue::kMost) return EOVERFLOW;
    if (canonical) queue.line_end[queue.lines++] = queue.size;
  }
}

// A reader makes room, and what waits behind comes: it is taken as it is, as nobody knows what its
// modes are when its turn is. A line that is too long would lose its end; so one ends where whoever
// types it ends it, too.
int take_input(int slave, const termios& modes, TtyQueue& queue) {
  const bool canonical = (modes.c_lflag & ICANON) != 0, waits = polls(slave, POLLIN);
  termios plain = modes;
  int error = 0;
  if (waits) {
    plain = plain_modes(modes);
    if (canonical) plain.c_cc[VEOL] = '\r';
    error = set(slave, plain);
  }
  if (error == 0) error = take_at_slave(slave, canonical, queue);
  if (canonical && error == 0) {
    plain.c_lflag &= ~static_cast<tcflag_t>(ICANON);
    plain.c_cc[VMIN] = 1, plain.c_cc[VTIME] = 0;
    error = set(slave, plain);
    if (error == 0) error = take_at_slave(slave, false, queue);
  }
  if (waits || canonical)
    if (const int last = set(slave, modes); error == 0) error = last;
  queue.find_behind(modes);
  return error;
}

// Types characters as somebody at the master would, but so that each is taken as it is.
class Typist {
 public:
  Typist(int slave, const termios& modes)
      : slave_(slave), modes_(modes), typing_(plain_modes(modes)) {}

  int type(const TtyQueue& queue) {
    if (error_ = set(slave_, typing_); error_ != 0) return error_;
    uint32_t at = 0;
    for (uint32_t i = 0; i < queue.lines; i++) {
      const uint32_t end = queue.line_end[i];
      type_line({queue.data.data() + at, end - at});
      at = end;
    }
    type_rest({queue.data.data() + at, queue.worked_on() - at});
    return error_;
  }

 private:
  bool is_canonical() const { return (modes_.c_lflag & ICANON) != 0; }
  bool is_literal(uint8_t c) const {
    const bool flow = (modes_.c_iflag & IXON) != 0 &&
                      (c == modes_.c_cc[VSTART] || c == modes_.c_cc[VSTOP]) && c != _POSIX_VDISABLE;
    return flow || (is_canonical() && c == '\n');
  }
  void send(uint8_t c) {
    if (error_ == 0) error_ = result_of(ioctl(slave_, TIOCSTI, &c));
  }
  // c has a meaning for the time of f.
  template <typename F>
  void with(size_t meaning, uint8_t c, F f) {
    typing_.c_cc[meaning] = c;
    if (error_ == 0) error_ = set(slave_, typing_);
    f();
    typing_.c_cc[meaning] = _POSIX_VDISABLE;
    if (error_ == 0) error_ = set(slave_, typing_);
  }

  void type_literally(uint8_t c) {
    constexpr uint8_t kQuote = 0x16;
    const termios before = typing_;
    if (is_canonical()) {
      typing_.c_lflag |= IEXTEN;
      with(VLNEXT, kQuote, [&] { send(kQuote), send(c); });
    } else {
      typing_.c_iflag &= ~static_cast<tcflag_t>(IXON);
      with(VEOL, _POSIX_VDISABLE, [&] { send(c); });
    }
    typing_ = before;
    if (error_ == 0) error_ = set(slave_, typing_);
  }
  void type_rest(std::span<const uint8_t> text) {
    for (const uint8_t c : text)
      if (is_literal(c))
        type_literally(c);
      else
        send(c);
  }
  void type_line(std::span<const uint8_t> line) {
    constexpr uint8_t kEnd = 4;
    if (!ends_itself(line, modes_)) {
      type_rest(line);
      with(VEOF, kEnd, [&] { send(kEnd); });
      return;
    }
    const uint8_t last = line.back();
    type_rest(line.first(line.size() - 1));
    if (last == '\n')
      send(last);
    else
      with(VEOL, last, [&] { send(last); });
  }

  int slave_;
  const termios& modes_;
  termios typing_;
  int error_ = 0;
};

// Through the slave, whose output is not to be worked on once more.
int put_at_master(int master, int slave, termios modes, const TtyQueue& queue) {
  const uint32_t direct = std::min(queue.size, kRoom);
  for (uint32_t i = 0; i < direct; i++)
    if (ioctl(master, TIOCSTI, &queue.data[i]) < 0) return errno;
  if (direct == queue.size) return 0;
  modes.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  modes.c_iflag &= ~static_cast<tcflag_t>(IXON);  // which also lets stopped output go on
  if (const int error = set(slave, modes); error != 0) return error;
  return write_behind(slave, {queue.data.data() + direct, queue.size - direct});
}

// Does not block while it lives.
class NonBlocking {
 public:
  explicit NonBlocking(int fd) : fd_(fd), flags_(fcntl(fd, F_GETFL)) {
    fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
  }
  ~NonBlocking() { fcntl(fd_, F_SETFL, flags_); }
  NonBlocking(const NonBlocking&) = delete;
  NonBlocking& operator=(const NonBlocking&) = delete;

 private:
  int fd_, flags_;
};

// What stands behind comes last, and stays there, as there is no room.
int put_at_slave(int master, int slave, const termios& modes, const TtyQueue& queue) {
  if (queue.behind == 0) return Typist(slave, modes).type(queue);
  int error = Typist(slave, modes).type(queue);
  if (error == 0) error = set(slave, modes);
  if (error != 0) return error;
  const NonBlocking writer(master);
  return write_behind(master, {queue.data.data() + queue.worked_on(), queue.behind});
}

// As Ctrl-S does, which the other character can undo.
int stop_output(int slave, const termios& modes) {
  const cc_t stop = modes.c_cc[VSTOP];
  if ((modes.c_iflag & IXON) != 0 && stop != _POSIX_VDISABLE)
    return result_of(ioctl(slave, TIOCSTI, &stop));
  return result_of(ioctl(slave, TCXONC, TCOOFF));
}

}  // namespace

bool TtyQueue::has_plain_lines() const {
  uint32_t line = 0;
  for (uint32_t i = 0; i < worked_on(); i++)
    if (data[i] == '\n' && (line == lines || line_end[line++] != i + 1)) return false;
  return line == lines;
}

void TtyQueue::set_plain_lines() {
  lines = 0;
  for (uint32_t i = 0; i < worked_on(); i++)
    if (data[i] == '\n') line_end[lines++] = i + 1;
}

// An end of file takes a place as well. What does not fit begins within a line that is not finished
// where it is.
void TtyQueue::find_behind(const termios& modes) {
  uint32_t room = kRoom, at = 0;
  for (uint32_t i = 0; i < lines; i++) {
    const std::span line(data.data() + at, line_end[i] - at);
    const auto places = static_cast<uint32_t>(line.size()) + (ends_itself(line, modes) ? 0 : 1);
    if (places > room) {
      lines = i;
      break;
    }
    room -= places;
    at = line_end[i];
  }
  behind = size - at > room ? size - at - room : 0;
}

SlaveForNow::SlaveForNow(int master, bool was_open) : master_(master), was_open_(was_open) {
  int locked = 0;
  was_locked_ = ioctl(master, TIOCGPTLCK, &locked) == 0 && locked != 0;
  if (was_locked_) lock(false);
  fd_ = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

// drivers/tty/pty.c: what cannot be opened, as it is locked, is not taken for closed afterwards
// either.
SlaveForNow::~SlaveForNow() {
  if (!was_open_ && fd_ >= 0) {
    lock(true);
    ioctl(master_, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  }
  if (fd_ >= 0) ::close(fd_);
  lock(was_locked_);
}

void SlaveForNow::lock(bool locked) const {
  const int value = locked ? 1 : 0;
  ioctl(master_, TIOCSPTLCK, &value);
}

int take_queues(int master, int slave, TtyQueues& queues) {
  termios modes{};
  if (tcgetattr(slave, &modes) < 0) return errno;
  int error = take_input(slave, modes, queues.to_slave);
  if (error == 0) error = take_at_master(master, queues.to_master);
  queues.is_stopped = error == 0 && !polls(slave, POLLOUT);
  return error;
}

int put_queues(int master, int slave, const termios& modes, const TtyQueues& queues) {
  int error = 0;
  if (!queues.to_master.is_empty()) error = put_at_master(master, slave, modes, queues.to_master);
  if (error == 0 && !queues.to_slave.is_empty())
    error = put_at_slave(master, slave, modes, queues.to_slave);
  const int last = set(slave, modes);
  if (error == 0) error = last;
  if (error == 0 && queues.is_stopped && polls(slave, POLLOUT)) error = stop_output(slave, modes);
  return error;
}

}  // namespace criu::files
