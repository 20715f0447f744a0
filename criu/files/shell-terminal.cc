// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/shell-terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/files/tty-device.h"
#include "criu/files/tty-modes.h"

namespace criu::files {

void ShellTerminalUse::add(const Options& options, const std::string& who, const struct stat& st,
                           dev_t terminal_of) {
  if (!options.shell_job)
    fail("{}: the terminal belongs to a session outside of the tree: use --shell-job{}", who,
         is_pts(st.st_rdev)
             ? fmt::format(", or --external {} for one that a restore is given by --inherit-fd",
                           tty_key(st.st_rdev, st.st_dev))
             : "");
  if (!is_pts(st.st_rdev)) return;
  const std::pair<dev_t, dev_t> this_one{st.st_dev, st.st_rdev};
  if ((terminal_of != 0 && terminal_of != st.st_rdev) || (seen_ && *seen_ != this_one))
    fail(
        "{}: another terminal than that of the session: --external {} allows that, and a restore "
        "is then given one by --inherit-fd",
        who, tty_key(st.st_rdev, st.st_dev));
  seen_ = this_one;
}

ShellTerminal::ShellTerminal(const RestoreContext& context) {
  if (!context.options.shell_job)
    fail("the tasks use the terminal of the shell they were started by: use --shell-job");
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !fd_; fd++)
    if (isatty(fd) != 0) fd_ = context.fds.raise(UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3)));
  if (!fd_) fail("--shell-job: criu itself has no terminal to hand on");
}

ShellTerminal::~ShellTerminal() {
  if (modes_) set_modes(fd_.get(), *modes_);
}

void ShellTerminal::want(const TtyInfoEntry& info) {
  if (info.termios != nullptr) wanted_ = termios_of(*info.termios);
}

void ShellTerminal::apply() {
  if (!wanted_) return;
  if (const pid_t has_it = tcgetpgrp(fd_.get()); has_it > 0 && has_it != getpgrp()) return;
  termios before{};
  if (tcgetattr(fd_.get(), &before) < 0 || !set_modes(fd_.get(), *wanted_))
    log::warn("The terminal's modes could not be set: {}", strerror(errno));
  else
    modes_ = before;
}

}  // namespace criu::files
