// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/tty-restore.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/files/tty-device.h"
#include "criu/files/tty-modes.h"

namespace criu::files {

namespace {

// One that is there already, by a path that leads to it.
class OuterTty : public RestoredEntry<TtyFileEntry> {
 public:
  // rdev: that it has to have; 0: any.
  OuterTty(std::string path, dev_t rdev, const TtyFileEntry& entry)
      : RestoredEntry(entry), path_(std::move(path)), rdev_(rdev) {}
  UniqueFd open() override {
    UniqueFd fd = open_path(path_, (static_cast<int>(entry_.flags) & ~O_ASYNC) | O_NOCTTY);
    struct stat st {};
    if (fstat(fd.get(), &st) < 0 || (rdev_ != 0 && st.st_rdev != rdev_))
      fail("{} is not the terminal that it was", path_);
    return fd;
  }

 private:
  std::string path_;
  dev_t rdev_;
};

bool is_master(const TtyInfoEntry& info) {
  return info.type == TTY_TYPE__PTY && is_ptmx(info.rdev);
}

}  // namespace

TtyRestore::TtyRestore(RestoreContext& context) {
  if (!context.dir.has(image::file_name(image::Kind::kTtyInfo))) return;
  image::Reader img(context.dir, image::Kind::kTtyInfo);
  while (const auto* info = img.next<TtyInfoEntry>(context.arena)) infos_[info->id] = info;
  data_.read(context);
}

const TtyInfoEntry& TtyRestore::find(uint32_t id) const {
  const auto it = infos_.find(id);
  if (it == infos_.end()) fail("tty-info.img has no terminal of id {}", id);
  return *it->second;
}

// The odd one of two is the master.
const TtyInfoEntry* TtyRestore::other_end(const TtyInfoEntry& info) const {
  const auto it = infos_.find(info.id ^ 1U);
  if (it == infos_.end() || it->second->type != TTY_TYPE__PTY ||
      is_master(*it->second) == is_master(info))
    return nullptr;
  return it->second;
}

// Another writer does not say that one was hung up.
bool TtyRestore::is_ours(const RestoreContext& context, const TtyInfoEntry& slave) const {
  if (slave.type != TTY_TYPE__PTY) return false;
  if (other_end(slave) != nullptr || slave.other_closed) return true;
  return !context.options.shell_job && slave.sid == 0;
}

std::optional<uint32_t> TtyRestore::meant_by(const RestoreContext& context,
                                             const TtyInfoEntry& dev_tty) const {
  if (dev_tty.has_terminal) return find(dev_tty.terminal).id & ~1U;
  for (const auto& [id, info] : infos_)
    if (dev_tty.sid != 0 && info->sid == dev_tty.sid &&
        (is_master(*info) || is_ours(context, *info)))
      return id & ~1U;
  return std::nullopt;
}

ShellTerminal& TtyRestore::shell(const RestoreContext& context) {
  if (!shell_) shell_.emplace(context);
  return *shell_;
}

std::unique_ptr<RestoredFile> TtyRestore::read_end(const TtyInfoEntry& info,
                                                   const std::string& path,
                                                   const TtyFileEntry& entry) {
  auto file = std::make_unique<RestoredTty>(entry);
  if (is_master(info))
    ptys_.add_master(info, other_end(info), path, file.get());
  else
    ptys_.add_slave(info, other_end(info), file.get());
  return file;
}

std::unique_ptr<RestoredFile> TtyRestore::read_dev_tty(RestoreContext& context,
                                                       const TtyInfoEntry& info,
                                                       const TtyFileEntry& entry) {
  if (const auto terminal = meant_by(context, info)) {
    auto file = std::make_unique<RestoredTty>(entry);
    ptys_.add_dev_tty(*terminal, file.get());
    return file;
  }
  shell(context);
  return std::make_unique<OuterTty>("/dev/tty", 0, entry);
}

std::unique_ptr<RestoredFile> TtyRestore::read_outer(RestoreContext& context,
                                                     const TtyInfoEntry& info, std::string path,
                                                     const TtyFileEntry& entry) {
  dev_t rdev = info.rdev;
  if (info.type == TTY_TYPE__EXT_TTY) {
    const std::string key = tty_key(info.rdev, info.dev);
    const auto given = context.inherited.find(key);
    if (given == context.inherited.end())
      fail(
          "the terminal {} belongs to the outside: a restore is to be given one by --inherit-fd "
          "fd[N]:{}",
          key, key);
    if (isatty(given->second.get()) == 0)
      fail("--inherit-fd for {}: the descriptor is no terminal", key);
    path = self_fd(given->second.get());
    rdev = 0;
  }
  if (info.sid != 0 && !outer_.contains(info.id))
    outer_[info.id] = {&info, context.fds.raise(open_path(path, O_RDWR | O_NOCTTY | O_NONBLOCK))};
  return std::make_unique<OuterTty>(path, rdev, entry);
}

std::unique_ptr<RestoredFile> TtyRestore::read(RestoreContext& context, const FileEntry& file) {
  if (file.tty == nullptr) fail("file {} in files.img is no terminal", file.id);
  const TtyFileEntry& entry = *file.tty;
  const TtyInfoEntry& info = find(entry.tty_info_id);
  const std::string path = entry.has_regf_id ? context.reg_file(entry.regf_id).name : "";
  switch (info.type) {
    case TTY_TYPE__CTTY:
      return read_dev_tty(context, info, entry);
    case TTY_TYPE__PTY:
      if (is_master(info) || is_ours(context, info)) return read_end(info, path, entry);
      shell(context).want(info);
      return std::make_unique<OuterTty>(self_fd(shell(context).fd()), 0, entry);
    case TTY_TYPE__EXT_TTY:
    case TTY_TYPE__CONSOLE:
    case TTY_TYPE__VT:
    case TTY_TYPE__SERIAL:
      return read_outer(context, info, path, entry);
    default:
      fail("tty-info.img: terminal {} is of no known type", info.id);
  }
}

void TtyRestore::make(const RestoreContext& context) {
  ptys_.make(context);
}

std::pair<int, const TtyInfoEntry*> TtyRestore::terminal_of(pid_t leader) const {
  for (const auto& [id, info] : infos_) {
    if (static_cast<pid_t>(info->sid) != leader || info->type != TTY_TYPE__PTY) continue;
    if (const int slave = ptys_.slave_of(id & ~1U); slave >= 0) return {slave, info};
  }
  for (const auto& [id, outer] : outer_)
    if (static_cast<pid_t>(outer.info->sid) == leader) return {outer.fd.get(), outer.info};
  return {-1, nullptr};
}

void TtyRestore::give_terminal(pid_t leader) const {
  const auto [terminal, info] = terminal_of(leader);
  if (terminal >= 0 && ioctl(terminal, TIOCSCTTY, 0) < 0)
    fail_errno("session {} cannot have its terminal (has another session it?)", leader);
}

void TtyRestore::give_foreground(pid_t leader) const {
  const auto [terminal, info] = terminal_of(leader);
  if (terminal < 0 || info->pgrp == 0) return;
  if (tcsetpgrp(terminal, static_cast<pid_t>(info->pgrp)) == 0) return;
  if (errno != ESRCH)
    fail_errno("cannot give the terminal of session {} to process group {}", leader, info->pgrp);
  log::warn("The terminal of session {} had been given to group {}, which has ended", leader,
            info->pgrp);
}

void TtyRestore::before_release() {
  ptys_.close();
  // Those that a restore is given keep what they have; others have lost it with their session. The
  // size is the machine's.
  for (const auto& [id, outer] : outer_)
    if (outer.info->type != TTY_TYPE__EXT_TTY && outer.info->termios != nullptr &&
        !set_modes(outer.fd.get(), termios_of(*outer.info->termios)))
      log::warn("The modes of terminal {} could not be set: {}", id, strerror(errno));
  outer_.clear();
  if (shell_) shell_->apply();
}

void TtyRestore::keep() {
  if (shell_) shell_->keep();
}

}  // namespace criu::files
