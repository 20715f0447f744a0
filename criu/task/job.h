// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "criu/base/fd.h"
#include "criu/config.h"
#include "criu/image/image-file.h"
#include "criu/task/tree-plan.h"

namespace criu {

// A restored tree as a job of the terminal that criu runs on.
//
//   Job job(options, dir, plan, fds);
//   job.hold_signals();        // unless with --restore-detached
//   job.to_foreground();       // before the tasks run
//   job.wait();                // until the root has ended; not with --restore-detached
//
// Where criu's own process group has the terminal (--shell-job), that of the tree which had it at
// the dump gets it, or else the root's. When the root ends or stops, criu takes it back; in the
// latter case it stops as well, for the shell to notice, and when it is continued the job is, too.
class Job {
 public:
  Job(const Options& options, const image::Directory& dir, const TreePlan& plan,
      const ServiceFds& fds);

  // SIGINT, SIGQUIT, SIGTERM and SIGHUP that criu gets from here on are for the job: they wait for
  // wait(). Before, they end criu, and the half-made tasks with it.
  void hold_signals();
  // The restore has failed: they are for criu.
  void let_signals_through();
  void to_foreground();
  void take_back();
  // These signals are passed on: to the root, or if typed at a terminal to its group, unless that
  // has had it from there. After hold_signals().
  void wait();

 private:
  void pass_on(const siginfo_t& info) const;
  void stop();

  UniqueFd terminal_;
  pid_t root_ = 0, root_group_ = 0;
  pid_t group_ = 0;    // the one to have the terminal; 0: none
  sigset_t before_{};  // the signals that were blocked, while it holds some
  bool holds_ = false;
};

}  // namespace criu
