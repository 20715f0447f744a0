// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/job.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu {

namespace {

// Gives a terminal away or takes it, from the background as well: tcsetpgrp(3).
void set_foreground(int terminal, pid_t group) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGTTOU);
  sigprocmask(SIG_BLOCK, &set, &before);
  if (tcsetpgrp(terminal, group) < 0)
    log::warn("The terminal cannot be given to process group {}: {}", group, strerror(errno));
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

// What criu waits for, beside the end of the root.
sigset_t passed_on() {
  sigset_t set;
  sigemptyset(&set);
  for (const int sig : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, sig);
  return set;
}

}  // namespace

Job::Job(const Options& options, const image::Directory& dir, const TreePlan& plan,
         const ServiceFds& fds)
    : root_(plan.root().pid) {
  const auto group_of = [&](const PlannedTask& t) {
    return t.pgid == plan.outer_pgid() ? getpgrp() : t.pgid;
  };
  root_group_ = group_of(plan.root());
  if (!options.shell_job) return;
  terminal_ = UniqueFd(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (terminal_) terminal_ = fds.raise(std::move(terminal_));
  if (!terminal_ || tcgetpgrp(terminal_.get()) != getpgrp()) return;
  group_ = root_group_;
  if (!dir.has(image::file_name(image::Kind::kTtyInfo))) return;
  image::Arena arena;
  image::Reader img(dir, image::Kind::kTtyInfo);
  while (const auto* info = img.next<TtyInfoEntry>(arena))
    for (const PlannedTask& t : plan.tasks())
      if (t.lives() && t.sid == plan.outer_sid() && t.pgid == static_cast<pid_t>(info->pgrp))
        group_ = group_of(t);
}

void Job::hold_signals() {
  const sigset_t set = passed_on();
  sigprocmask(SIG_BLOCK, &set, &before_);
  holds_ = true;
}

void Job::let_signals_through() {
  if (holds_) sigprocmask(SIG_SETMASK, &before_, nullptr);
  holds_ = false;
}

void Job::to_foreground() {
  if (group_ != 0 && group_ != getpgrp()) set_foreground(terminal_.get(), group_);
}

// Not from others: the shell may have given it to somebody else meanwhile.
void Job::take_back() {
  if (group_ == 0 || group_ == getpgrp()) return;
  const pid_t now = tcgetpgrp(terminal_.get());
  if (now == group_ || (now > 0 && kill(-now, 0) < 0 && errno == ESRCH))
    set_foreground(terminal_.get(), getpgrp());
}

void Job::pass_on(const siginfo_t& info) const {
  if (info.si_code == SI_KERNEL) {
    if (root_group_ != getpgrp()) kill(-root_group_, info.si_signo);
  } else {
    kill(root_, info.si_signo);
  }
}

void Job::stop() {
  if (group_ == 0 || group_ == getpgrp()) return;
  take_back();
  raise(SIGSTOP);
  // Continued: by fg as the foreground's group, by bg not so.
  if (tcgetpgrp(terminal_.get()) == getpgrp()) to_foreground();
  kill(-group_, SIGCONT);
}

void Job::wait() {
  const sigset_t set = passed_on();
  for (;;) {
    int status = 0;
    const pid_t rc = waitpid(root_, &status, __WALL | WUNTRACED | WNOHANG);
    if (rc < 0 && errno != EINTR) fail_errno("cannot wait for task {}", root_);
    if (rc > 0 && WIFSTOPPED(status)) {
      stop();
    } else if (rc > 0) {
      log::info("The root task {} has ended with status {:#x}", root_, status);
      break;
    } else {
      siginfo_t info{};
      if (sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD) pass_on(info);
    }
  }
  take_back();
  let_signals_through();
}

}  // namespace criu
