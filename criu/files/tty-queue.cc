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

namespace criu::files {

namespace {

// N_TTY_BUF_SIZE of drivers/tty/n_tty.c, of which one stays free.
constexpr uint32_t kRoom = 4095;
// Beyond that more may wait behind, which the terminal has not worked on yet.
constexpr int kMostInput = 4000;

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

// Types characters as somebody at the master would, but so that each is taken as it is. The modes
// are those of the queue's owner, as far as they decide about the queue itself, and as far as a
// change would show: in packet mode the master is told of the characters of flow control.
class Typist {
 public:
  Typist(int slave, const termios& modes) : slave_(slave), modes_(modes), typing_(modes) {
    typing_.c_iflag = modes.c_iflag & IXON;
    typing_.c_lflag = modes.c_lflag & ICANON;
    for (size_t i = 0; i < std::size(typing_.c_cc); i++)
      if (i != VSTART && i != VSTOP && i != VMIN && i != VTIME) typing_.c_cc[i] = _POSIX_VDISABLE;
  }

  int type(const TtyQueue& queue) {
    if (error_ = set(slave_, typing_); error_ != 0) return error_;
    uint32_t at = 0;
    for (uint32_t i = 0; i < queue.lines; i++) {
      const uint32_t end = queue.line_end[i];
      type_line({queue.data.data() + at, end - at});
      at = end;
    }
    type_rest({queue.data.data() + at, queue.size - at});
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
  // It ends with a newline, another character that ends lines, or by an end of file.
  void type_line(std::span<const uint8_t> line) {
    constexpr uint8_t kEnd = 4;
    const uint8_t last = line.empty() ? _POSIX_VDISABLE : line.back();
    const bool ends_itself =
        last != _POSIX_VDISABLE &&
        (last == '\n' || last == modes_.c_cc[VEOL] || last == modes_.c_cc[VEOL2]);
    if (!ends_itself) {
      type_rest(line);
      with(VEOF, kEnd, [&] { send(kEnd); });
      return;
    }
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
int write_through(int slave, termios modes, std::span<const uint8_t> rest) {
  modes.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  modes.c_iflag &= ~static_cast<tcflag_t>(IXON);  // which also lets stopped output go on
  if (const int error = set(slave, modes); error != 0) return error;
  while (!rest.empty()) {
    const ssize_t n = write(slave, rest.data(), rest.size());
    if (n < 0) return errno;
    rest = rest.subspan(static_cast<size_t>(n));
  }
  return 0;
}

int put_at_master(int master, int slave, const termios& modes, const TtyQueue& queue) {
  const uint32_t direct = std::min(queue.size, kRoom);
  for (uint32_t i = 0; i < direct; i++)
    if (ioctl(master, TIOCSTI, &queue.data[i]) < 0) return errno;
  if (direct == queue.size) return 0;
  return write_through(slave, modes, {queue.data.data() + direct, queue.size - direct});
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
  for (uint32_t i = 0; i < size; i++)
    if (data[i] == '\n' && (line == lines || line_end[line++] != i + 1)) return false;
  return line == lines;
}

void TtyQueue::set_plain_lines() {
  lines = 0;
  for (uint32_t i = 0; i < size; i++)
    if (data[i] == '\n') line_end[lines++] = i + 1;
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
  int input = 0;
  if (tcgetattr(slave, &modes) < 0 || ioctl(slave, TIOCINQ, &input) < 0) return errno;
  if (input > kMostInput) return EFBIG;
  const bool canonical = (modes.c_lflag & ICANON) != 0;
  int error = take_at_slave(slave, canonical, queues.to_slave);
  if (canonical && error == 0) {
    termios raw = modes;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON);
    raw.c_cc[VMIN] = 1, raw.c_cc[VTIME] = 0;
    error = set(slave, raw);
    if (error == 0) error = take_at_slave(slave, false, queues.to_slave);
    if (set(slave, modes) != 0 && error == 0) error = errno;
  }
  if (error == 0) error = take_at_master(master, queues.to_master);
  queues.is_stopped = error == 0 && !polls(slave, POLLOUT);
  return error;
}

int put_queues(int master, int slave, const termios& modes, const TtyQueues& queues) {
  int error = 0;
  if (!queues.to_master.is_empty()) error = put_at_master(master, slave, modes, queues.to_master);
  if (error == 0 && !queues.to_slave.is_empty()) error = Typist(slave, modes).type(queues.to_slave);
  const int last = set(slave, modes);
  if (error == 0) error = last;
  if (error == 0 && queues.is_stopped && polls(slave, POLLOUT)) error = stop_output(slave, modes);
  return error;
}

}  // namespace criu::files
