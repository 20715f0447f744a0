// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compel/registers.h"

namespace compel {

// rseq(2) registration of a thread, as the kernel keeps it. pointer 0: none.
struct RseqConfig {
  uint64_t pointer = 0;
  uint32_t size = 0;
  uint32_t signature = 0;
  uint32_t flags = 0;
};

// One thread under ptrace(2), seized and stopped.
//
//   Tracee t = Tracee::seize(tid);      // stopped now
//   Registers r = t.registers();
//   ...                                 // the destructor lets it go on
//
// Seizing changes nothing in the thread: should the tracer die, the kernel detaches and the
// thread goes on. A thread in a group stop is seen as such (stop_signal()) and stays in it after
// the detach; a signal that it was about to take is delivered first. Errors are thrown as
// compel::Error; the destructor throws nothing.
class Tracee {
 public:
  enum class State { kAlive, kZombie, kGone };
  using Deadline = std::chrono::steady_clock::time_point;

  // Seizes and interrupts; returns when the thread has stopped.
  // A thread that is a zombie or gone, or ends before it has stopped, gives state() accordingly and
  // is not traced.
  // by: when it must have stopped, or that is an error; otherwise within ten seconds.
  // with_us: the kernel kills the thread when its tracer ends, until outlive_tracer().
  static Tracee seize(pid_t tid, bool with_us = false, std::optional<Deadline> by = std::nullopt);
  // Several threads, of different tasks or of tasks that the caller has made: each is asked to stop
  // before the first is waited for. In the order of tids.
  static std::list<Tracee> seize_all(std::span<const pid_t> tids, bool with_us = false,
                                     std::optional<Deadline> by = std::nullopt);
  // The two halves of seize(): the thread runs meanwhile, and what is asked of it later is asked
  // before the first is waited for. One that is in the way, or gone, gives State::kGone at first,
  // which says nothing yet; await_first_stop() gives state() as seize() does.
  static Tracee start_to_seize(pid_t tid, Deadline by, bool with_us = false);
  void await_first_stop();
  void outlive_tracer();

  Tracee(Tracee&& other) noexcept;
  Tracee& operator=(Tracee&&) = delete;
  ~Tracee();

  pid_t tid() const { return tid_; }
  State state() const { return state_; }
  // The signal whose group stop the thread is in, 0 if it was running.
  int stop_signal() const { return stop_signal_; }
  // Whether it has been killed since it was seized: nothing else ends a thread that is stopped.
  bool was_killed() const;

  Registers registers() const;
  user_regs_struct general() const;
  void set_general(const user_regs_struct& regs);
  void set_xstate(const std::vector<uint8_t>& xstate);

  uint64_t blocked_signals() const;
  void set_blocked_signals(uint64_t mask);
  // Signals queued to the thread itself, or (shared) to its thread group, in order.
  std::vector<siginfo_t> queued_signals(bool shared) const;
  // Whether that signal was about to be delivered, and waits until the thread is let go.
  bool holds_back(int signal) const;
  RseqConfig rseq() const;
  // Whether the thread's system calls are diverted to it as signals (prctl(2)
  // PR_SET_SYSCALL_USER_DISPATCH). Before Linux 6.4 the kernel does not tell: nothing.
  std::optional<bool> diverts_syscalls() const;

  // Lets the thread run until it leaves the kernel from, or enters it for, one system call.
  void run_to_syscall_stop();
  // Its two halves: the thread runs meanwhile.
  void start_to_syscall_stop();
  void await_syscall_stop();
  // From the stop in which a thread leaves a system call to one as of interrupt(), before it runs:
  // there the kernel still has to look whether a call is to be made again.
  void leave_syscall();
  // To a stop as of interrupt(), from wherever a request that failed has left the thread.
  void come_to_rest();
  // For one thread of a process in a stop as of interrupt(): has it take that stop signal, before
  // any signal that is blocked now, which a signal other than SIGSTOP must not be. Returns when it
  // has, and its parent has been told if it is the only thread. False: the signal does not stop it,
  // which is in a stop as before (SIGSTOP always does).
  bool stop_group(int signal);
  // For the other threads of that process.
  void join_group_stop();
  // Lets the thread run freely; interrupt() stops it again. Where several are to stop, each is
  // asked to first: ask_to_stop() does not wait.
  void resume();
  void ask_to_stop();
  void interrupt();
  // True where the thread, after resume(), has stopped by itself (it crashed): says how.
  std::optional<std::string> unexpected_stop();

  // Ends the tracing; signals that were held back meanwhile are sent again.
  void detach() noexcept;
  // Forgets the thread without detaching: it has been killed.
  void forget() noexcept { state_ = State::kGone; }

 private:
  explicit Tracee(pid_t tid) : tid_(tid) {}
  void ask_for_first_stop(Deadline by);
  void ask_again();
  void continue_by_name() noexcept;
  bool ended_instead(int& status, Deadline by);
  int wait_stop();
  void hold_back(int status);
  bool was_diverted() const;
  std::string diverted() const;

  pid_t tid_;
  State state_ = State::kGone;
  int stop_signal_ = 0;
  bool running_ = false;
  bool asked_ = false;                                // to stop, while it runs
  bool stuck_ = false;                                // it did not stop when asked to
  std::optional<Deadline> first_stop_by_;             // while that is waited for
  std::chrono::steady_clock::time_point stopped_at_;  // not before it had left the kernel's wait
  std::vector<int> held_back_;
};

}  // namespace compel
