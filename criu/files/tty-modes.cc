// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/tty-modes.h"

#include <signal.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "criu/base/error.h"
#include "criu/files/tty-device.h"

namespace criu::files {

namespace {

// The kernel's struct has 19 control characters (asm-generic/termbits.h), the libc's 32. The format
// has that many numbers, and four characters in each, the first in the lowest bits: most are unused
// and mean nothing.
constexpr size_t kControlCharacters = 19, kInOne = sizeof(uint32_t);

// asm-generic/termbits.h: struct termios.
struct KernelTermios {
  uint32_t iflag, oflag, cflag, lflag;
  uint8_t line, cc[kControlCharacters];
};

// struct termios2: speeds as numbers, which the libc's functions do not know.
struct KernelTermios2 {
  KernelTermios modes;
  uint32_t ispeed, ospeed;
};
constexpr unsigned long kGetModes = _IOR('T', 0x2a, KernelTermios2);  // TCGETS2
constexpr unsigned long kSetModes = _IOW('T', 0x2b, KernelTermios2);  // TCSETS2

// BOTHER: a speed that has no name.
bool has_own_speed(const termios& t) {
  constexpr tcflag_t kSpeed = 0x100f, kOther = 0x1000;
  return (t.c_cflag & kSpeed) == kOther;
}

// False where it has been hung up.
bool get_modes(int terminal, termios& t) {
  if (tcgetattr(terminal, &t) < 0) {
    if (errno == EIO) return false;
    fail_errno("cannot read the modes of a terminal");
  }
  if (!has_own_speed(t)) return true;
  KernelTermios2 kernel{};
  if (!ask_terminal(terminal, kGetModes, &kernel)) return false;
  t.c_ispeed = kernel.ispeed, t.c_ospeed = kernel.ospeed;
  return true;
}

bool set_speeds(int terminal, const termios& t) {
  KernelTermios2 kernel{};
  if (ioctl(terminal, kGetModes, &kernel) < 0) return false;
  kernel.ispeed = t.c_ispeed, kernel.ospeed = t.c_ospeed;
  return ioctl(terminal, kSetModes, &kernel) == 0;
}

TermiosEntry* termios_entry(image::Arena& arena, const termios& t) {
  auto* e = arena.make<TermiosEntry>();
  e->c_iflag = t.c_iflag, e->c_oflag = t.c_oflag, e->c_cflag = t.c_cflag, e->c_lflag = t.c_lflag;
  e->c_line = t.c_line, e->c_ispeed = t.c_ispeed, e->c_ospeed = t.c_ospeed;
  e->n_c_cc = kControlCharacters;
  e->c_cc = arena.array<uint32_t>(kControlCharacters);
  for (size_t i = 0; i < kControlCharacters; i++)
    e->c_cc[i / kInOne] |= static_cast<uint32_t>(t.c_cc[i]) << (8 * (i % kInOne));
  return e;
}

termios locked_modes(int terminal) {
  KernelTermios kernel{};
  termios t{};
  if (!ask_terminal(terminal, TIOCGLCKTRMIOS, &kernel)) return t;
  t.c_iflag = kernel.iflag, t.c_oflag = kernel.oflag, t.c_cflag = kernel.cflag;
  t.c_lflag = kernel.lflag, t.c_line = kernel.line;
  std::copy_n(kernel.cc, kControlCharacters, t.c_cc);
  return t;
}

void lock_modes(int terminal, const termios& t) {
  KernelTermios kernel{t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, t.c_line, {}};
  std::copy_n(t.c_cc, kControlCharacters, kernel.cc);
  if (ioctl(terminal, TIOCSLCKTRMIOS, &kernel) < 0)
    fail_errno("cannot lock the modes of a terminal");
}

}  // namespace

termios modes_of(int terminal) {
  termios t{};
  if (!get_modes(terminal, t)) fail_errno("cannot read the modes of a terminal");
  return t;
}

bool set_modes(int terminal, const termios& modes) {
  const auto before = signal(SIGTTOU, SIG_IGN);
  const bool done = tcsetattr(terminal, TCSANOW, &modes) == 0 &&
                    (!has_own_speed(modes) || set_speeds(terminal, modes));
  const int error = errno;
  signal(SIGTTOU, before);
  errno = error;
  return done;
}

termios termios_of(const TermiosEntry& e) {
  termios t{};
  t.c_iflag = e.c_iflag, t.c_oflag = e.c_oflag, t.c_cflag = e.c_cflag, t.c_lflag = e.c_lflag;
  t.c_line = static_cast<cc_t>(e.c_line), t.c_ispeed = e.c_ispeed, t.c_ospeed = e.c_ospeed;
  for (size_t i = 0; i < kControlCharacters && i / kInOne < e.n_c_cc; i++)
    t.c_cc[i] = static_cast<cc_t>(e.c_cc[i / kInOne] >> (8 * (i % kInOne)));
  return t;
}

void store_modes(image::Arena& arena, int terminal, TtyInfoEntry* info) {
  termios t{};
  if (get_modes(terminal, t)) info->termios = termios_entry(arena, t);
  info->termios_locked = termios_entry(arena, locked_modes(terminal));
  winsize ws{};
  if (!ask_terminal(terminal, TIOCGWINSZ, &ws)) return;
  info->winsize = arena.make<WinsizeEntry>();
  info->winsize->ws_row = ws.ws_row, info->winsize->ws_col = ws.ws_col;
  info->winsize->ws_xpixel = ws.ws_xpixel, info->winsize->ws_ypixel = ws.ws_ypixel;
}

void restore_modes(int terminal, const TtyInfoEntry& info) {
  if (info.termios != nullptr && !set_modes(terminal, termios_of(*info.termios)))
    fail_errno("cannot set the modes of a terminal");
  if (info.termios_locked != nullptr) lock_modes(terminal, termios_of(*info.termios_locked));
  if (info.winsize == nullptr) return;
  winsize ws{};
  ws.ws_row = static_cast<uint16_t>(info.winsize->ws_row);
  ws.ws_col = static_cast<uint16_t>(info.winsize->ws_col);
  ws.ws_xpixel = static_cast<uint16_t>(info.winsize->ws_xpixel);
  ws.ws_ypixel = static_cast<uint16_t>(info.winsize->ws_ypixel);
  if (ioctl(terminal, TIOCSWINSZ, &ws) < 0) fail_errno("cannot set the size of a terminal");
}

}  // namespace criu::files
