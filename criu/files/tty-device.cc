// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/tty-device.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "criu/base/error.h"

namespace criu::files {

namespace {

constexpr unsigned kTtyMajor = 4, kTtyAuxMajor = 5, kPtsFirst = 136, kPtsLast = 143;
constexpr unsigned kDevTtyMinor = 0, kConsoleMinor = 1, kPtmxMinor = 2, kFirstSerial = 64;

}  // namespace

bool is_terminal(const struct stat& st) {
  if (!S_ISCHR(st.st_mode)) return false;
  const unsigned m = major(st.st_rdev);
  return is_pts(st.st_rdev) || m == kTtyMajor || m == kTtyAuxMajor;
}

bool is_ptmx(dev_t rdev) {
  return major(rdev) == kTtyAuxMajor && minor(rdev) == kPtmxMinor;
}

bool is_pts(dev_t rdev) {
  return major(rdev) >= kPtsFirst && major(rdev) <= kPtsLast;
}

bool is_dev_tty(dev_t rdev) {
  return major(rdev) == kTtyAuxMajor && minor(rdev) == kDevTtyMinor;
}

TtyType device_type(dev_t rdev) {
  if (major(rdev) == kTtyAuxMajor && minor(rdev) == kConsoleMinor) return TTY_TYPE__CONSOLE;
  if (major(rdev) == kTtyMajor) return minor(rdev) < kFirstSerial ? TTY_TYPE__VT : TTY_TYPE__SERIAL;
  return TTY_TYPE__UNKNOWN;
}

bool ask_terminal(int terminal, unsigned long request, void* value) {
  if (ioctl(terminal, request, value) == 0) return true;
  if (errno == ENOTTY || errno == EINVAL || errno == EIO) return false;
  fail_errno("cannot ask a terminal (ioctl {:#x})", request);
}

std::optional<dev_t> device_of(int terminal) {
  uint32_t encoded = 0;  // new_encode_dev(), linux/kdev_t.h
  if (!ask_terminal(terminal, TIOCGDEV, &encoded)) return std::nullopt;
  return makedev((encoded >> 8) & 0xfff, (encoded & 0xff) | ((encoded >> 12) & 0xfff00));
}

uint32_t pty_index(int master) {
  uint32_t index = 0;
  if (ioctl(master, TIOCGPTN, &index) < 0) fail_errno("cannot read a terminal's number");
  return index;
}

// Unlike open(2) it keeps O_CLOEXEC among the flags of the open file, where /proc shows it for
// ever.
UniqueFd open_slave(int master, int flags) {
  UniqueFd slave(ioctl(master, TIOCGPTPEER, flags | O_NOCTTY));
  if (!slave || fcntl(slave.get(), F_SETFD, FD_CLOEXEC) < 0)
    fail_errno("cannot open the slave of terminal {}", pty_index(master));
  return slave;
}

void lock_slave(int master, bool locked) {
  const int value = locked ? 1 : 0;
  if (ioctl(master, TIOCSPTLCK, &value) < 0) fail_errno("cannot lock or unlock a terminal");
}

std::string tty_key(dev_t rdev, dev_t dev) {
  return fmt::format("tty[{:x}:{:x}]", rdev, dev);
}

}  // namespace criu::files
