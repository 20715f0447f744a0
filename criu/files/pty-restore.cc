// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/pty-restore.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/files/tty-device.h"
#include "criu/files/tty-modes.h"

namespace criu::files {

namespace {

constexpr const char* kPtmx = "/dev/ptmx";

UniqueFd duplicate(int fd, const ServiceFds& fds) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) fail_errno("cannot duplicate a terminal's descriptor");
  return fds.raise(std::move(copy));
}

void set(int terminal, unsigned long request, const char* what) {
  const int on = 1;
  if (ioctl(terminal, request, &on) < 0) fail_errno("cannot set the {} of a terminal", what);
}

// By a process in a session of its own, which has the terminal for as long as it takes.
UniqueFd open_dev_tty(int slave, int flags) {
  UniqueFd place(fcntl(slave, F_DUPFD_CLOEXEC, 0));
  if (!place) fail_errno("cannot duplicate a terminal's descriptor");
  const int error = run_in_child([slave, flags, at = place.get()] {
    if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0) return errno;
    const int fd = ::open("/dev/tty", flags | O_NOCTTY | O_CLOEXEC);
    const bool done = fd >= 0 && dup3(fd, at, O_CLOEXEC) >= 0;
    const int why = errno;
    if (fd >= 0) ::close(fd);
    return done ? 0 : why;
  });
  if (error != 0) fail("cannot open a terminal as /dev/tty: {}", strerror(error));
  return place;
}

}  // namespace

UniqueFd RestoredTty::open() {
  if (!fd_) fail("file {} of a terminal is not open, or is needed twice", entry_.id);
  return std::move(fd_);
}

int RestoredTty::open_flags() const {
  return static_cast<int>(entry_.flags) & ~(O_ASYNC | O_CREAT | O_EXCL | O_TRUNC | O_PATH);
}

// Opens masters until one has the number it is to have. The others stay open as long as this
// object does, for their numbers not to come again.
class PtyRestore::Numbers {
 public:
  UniqueFd open_master(const std::string& path, int flags, uint32_t index) {
    for (;;) {
      UniqueFd master = open_path(path, flags | O_NOCTTY);
      const uint32_t got = pty_index(master.get());
      if (got == index) return master;
      if (got > index)
        fail("the terminal /dev/pts/{} is taken: it is open in another process", index);
      others_.push_back(std::move(master));
    }
  }

 private:
  std::vector<UniqueFd> others_;
};

uint32_t PtyRestore::Pty::index() const {
  const TtyInfoEntry& info = slave != nullptr ? *slave : *master;
  if (info.pty == nullptr) fail("tty-info.img: terminal {} has no number", info.id);
  return info.pty->index;
}

// Its state is then not that of one that waits for its slave to be opened.
bool PtyRestore::Pty::slave_was_open() const {
  return !slave_files.empty() || !dev_tty_files.empty() ||
         (master != nullptr && (master->other_closed || master->sid != 0));
}

void PtyRestore::add_master(const TtyInfoEntry& master, const TtyInfoEntry* slave,
                            const std::string& path, RestoredTty* file) {
  Pty& pty = ptys_[master.id & ~1U];
  if (pty.master_file != nullptr) fail("files.img has two masters of terminal {}", pty.index());
  pty.master = &master, pty.slave = slave;
  pty.path = path.empty() ? kPtmx : path;
  pty.master_file = file;
}

void PtyRestore::add_slave(const TtyInfoEntry& slave, const TtyInfoEntry* master,
                           RestoredTty* file) {
  Pty& pty = ptys_[slave.id];
  pty.slave = &slave, pty.master = master;
  pty.slave_files.push_back(file);
}

void PtyRestore::add_dev_tty(uint32_t slave, RestoredTty* file) {
  ptys_[slave].dev_tty_files.push_back(file);
}

void PtyRestore::open_slaves(const Pty& pty, int master) {
  for (RestoredTty* file : pty.slave_files) file->have(open_slave(master, file->open_flags()));
}

// A restored slave without a master: it had one.
void PtyRestore::hang_up(Numbers& numbers, const Pty& pty) {
  const UniqueFd master = numbers.open_master(kPtmx, O_RDWR, pty.index());
  lock_slave(master.get(), false);
  open_slaves(pty, master.get());
}

void PtyRestore::give_owner(const Pty& pty, int slave) {
  if (pty.slave == nullptr || !pty.slave->has_uid || !pty.slave->has_gid) return;
  const std::string node = self_fd(slave);
  if (chown(node.c_str(), pty.slave->uid, pty.slave->gid) < 0)
    fail_errno("cannot give terminal {} to its owner", pty.index());
  if (pty.slave->has_mode && chmod(node.c_str(), pty.slave->mode & 07777) < 0)
    fail_errno("cannot set the mode of terminal {}", pty.index());
}

void PtyRestore::open_both(Numbers& numbers, Pty& pty, const ServiceFds& fds) {
  UniqueFd master =
      fds.raise(numbers.open_master(pty.path, pty.master_file->open_flags(), pty.index()));
  lock_slave(master.get(), false);
  pty.own_master = duplicate(master.get(), fds);
  pty.master_file->have(std::move(master));
  give_owner(pty, open_slave(pty.own_master.get(), O_PATH).get());
  if (!pty.slave_was_open()) return;
  pty.own_slave = fds.raise(open_slave(pty.own_master.get(), O_RDWR | O_NONBLOCK));
  open_slaves(pty, pty.own_master.get());
  for (RestoredTty* file : pty.dev_tty_files)
    file->have(open_dev_tty(pty.own_slave.get(), file->open_flags()));
}

void PtyRestore::make(const RestoreContext& context) {
  std::vector<Pty*> live;
  for (auto& [id, pty] : ptys_) {
    if (pty.slave == nullptr && pty.master == nullptr)
      fail("tty-info.img does not know the terminal {} that was open as /dev/tty", id);
    if (pty.master_file != nullptr) {
      live.push_back(&pty);
      continue;
    }
    // Its number may be that of a live one by now.
    Numbers numbers;
    hang_up(numbers, pty);
  }
  std::ranges::sort(live, {}, &Pty::index);
  Numbers numbers;
  for (Pty* pty : live) open_both(numbers, *pty, context.fds);
  for (auto& [id, pty] : ptys_) {
    for (RestoredTty* file : pty.slave_files) file->raise(context.fds);
    for (RestoredTty* file : pty.dev_tty_files) file->raise(context.fds);
  }
}

void PtyRestore::fill(const TtyData& data) {
  for (auto& [id, pty] : ptys_) {
    const int master = pty.own_master.get();
    if (pty.master_file == nullptr) continue;
    data.fill(pty.slave, *pty.master, master, pty.slave_was_open());
    restore_modes(master, pty.slave != nullptr ? *pty.slave : *pty.master);
    if (pty.master->packet_mode) set(master, TIOCPKT, "packet mode");
    if (pty.master->exclusive) set(master, TIOCEXCL, "exclusive mode");
    if (pty.own_slave && pty.slave != nullptr && pty.slave->exclusive)
      set(pty.own_slave.get(), TIOCEXCL, "exclusive mode");
    if (pty.master->locked) lock_slave(master, true);
  }
}

int PtyRestore::slave_of(uint32_t id) const {
  const auto it = ptys_.find(id);
  return it == ptys_.end() ? -1 : it->second.own_slave.get();
}

void PtyRestore::close() {
  for (auto& [id, pty] : ptys_) pty.own_master.reset(), pty.own_slave.reset();
}

}  // namespace criu::files
