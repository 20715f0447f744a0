// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <signal.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compel/gadgets.h"
#include "compel/parasite.h"
#include "compel/rseq.h"
#include "criu/base/proc.h"
#include "criu/mm/memory-policy.h"
#include "criu/pie/parasite-args.h"
#include "criu/task/frozen-tree.h"

namespace criu {

// What a task says of itself: the parasite's answer, and later the signals that are queued for it.
//
// Timers run on while a task is stopped, and signals come in. Of a timer whose signal is queued by
// the time that read_signals() looks, the answer says that it has run out; never both, never
// neither. A periodic POSIX timer is asked to run out at once instead, as its signal is the
// timer's own: a copy of it would come in addition to the next.
class TaskAnswer {
 public:
  // What it is asked about.
  struct Question {
    std::span<const proc::Timer> timers;  // POSIX timers
    std::span<const uint64_t> rings;      // addresses of AIO rings
    std::span<const int> fds;             // descriptors
    uint64_t locked_kib;                  // VmLck of the task as it is by itself
    std::span<const uint64_t> pending;    // signals of the threads, proc::Status
    uint64_t shared_pending;
  };
  // Begins to infect the task, which ask() goes on with. threads: as they have stopped, the leader
  // first. ranges: its mappings; leftovers: those of them that a killed dump has left, which are
  // taken away. memo: of the tasks before. task and leftovers must last until ask() has returned.
  TaskAnswer(FrozenTask& task, std::span<const compel::StoppedThread> threads,
             const std::vector<compel::Range>& ranges, std::span<const compel::Range> leftovers,
             compel::GadgetMemo& memo, const Question& question);

  // Asks the tasks, and leaves them as they were. Each has its part to do by itself, in several
  // steps: meanwhile others are served. Throws Error; then some may still be infected, until their
  // answers are destroyed.
  static void ask(std::span<TaskAnswer* const> all);

  // To be called once, as late as can be: what is sent to the task afterwards is lost with it.
  void read_signals(const FrozenTask& task);

  const pie::ParasiteArgs& task() const { return *args_; }
  // io_getevents(2) of the i-th of the rings: 0, or -errno.
  int64_t ring_error(size_t i) const { return static_cast<int64_t>(args_->rings()[i]); }
  // fcntl(2) F_GETFD of the i-th of the descriptors; -errno where it failed.
  int fd_flags(size_t i) const { return args_->fds()[i]; }
  const pie::ThreadAnswer& thread(size_t i) const { return args_->threads()[i]; }
  // Of memory; throw Error where the task could not read them.
  mm::MemoryPolicy thread_policy(size_t i) const { return policy(args_->thread_policy(i)); }
  // Of the mapping that begins there.
  mm::MemoryPolicy mapping_policy(uint64_t start) const;

  // From read_signals() on: POSIX timer i, interval timer `which`, the queues of thread i and of
  // the task.
  const pie::PosixTimer& timer(size_t i) const { return args_->timers()[i]; }
  const pie::ItimerValue& itimer(int which) const { return args_->itimers[which]; }
  const std::vector<siginfo_t>& signals(size_t i) const { return signals_[i]; }
  const std::vector<siginfo_t>& shared_signals() const { return shared_signals_; }
  // Whether a SIGSTOP has come since the task was frozen, which is in no queue then; or a SIGCONT,
  // which is.
  bool was_stopped() const { return was_stopped_; }
  bool was_continued() const { return was_continued_; }

  // mlockall(2): MCL_FUTURE and MCL_ONFAULT, as far as they hold.
  int mlock_future() const { return mlock_future_; }

 private:
  void go_on();
  void put_question();
  void stop();
  void take_answer();
  void release();
  void note_stops(const FrozenTask& task);
  void add_without_entry(const FrozenTask& task);
  void settle(pie::PosixTimer& timer);
  void settle(int which);
  mm::MemoryPolicy policy(const uint64_t* told) const;

  FrozenTask& task_;
  std::span<const compel::Range> leftovers_;
  uint64_t locked_kib_;
  std::vector<uint64_t> pending_;
  uint64_t shared_pending_;
  std::vector<uint64_t> storage_;  // of args_
  pie::ParasiteArgs* args_;
  std::optional<compel::Parasite> parasite_;      // while it asks
  std::vector<siginfo_t> shared_signals_before_;  // the question
  std::vector<std::vector<siginfo_t>> signals_;
  std::vector<siginfo_t> shared_signals_;
  bool was_stopped_ = false, was_continued_ = false;
  int mlock_future_ = 0;
};

}  // namespace criu
