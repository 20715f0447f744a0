// SPDX-License-Identifier: GPL-2.0-only
#include "compel/tracee.h"

#include <elf.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "compel/error.h"

namespace compel {

namespace {

constexpr size_t kMaxXstate = 16 * 1024;  // AMX needs 11 KiB
constexpr size_t kKernelSigsetSize = 8;
constexpr int kSyscallStop = SIGTRAP | 0x80;
constexpr int kGetSyscallUserDispatch = 0x4211;       // linux/ptrace.h, Linux 6.4
constexpr size_t kPeekFirst = 16, kPeekBatch = 1024;  // mostly there are none
constexpr int kYields = 200;
constexpr int kSeizeAttempts = 1000;
constexpr int kSureGone = 3, kSureRefused = 10;
constexpr std::chrono::microseconds kPause(100);
constexpr std::chrono::seconds kStopWithin(10);

std::string thread_name(pid_t tid) {
  return "thread " + std::to_string(tid);
}

Error cannot_trace(pid_t tid, int err) {
  return Error("cannot trace " + thread_name(tid) +
                   (err == EPERM ? " (is it traced already, or is a capability missing?)" : ""),
               err);
}

long request(int op, pid_t tid, unsigned long addr, unsigned long data) {
  return ::syscall(SYS_ptrace, op, tid, addr, data);
}

long must(int op, pid_t tid, const void* addr, const void* data, const char* what) {
  const long rc = request(op, tid, reinterpret_cast<unsigned long>(addr),
                          reinterpret_cast<unsigned long>(data));
  if (rc < 0) throw Error(std::string(what) + " of " + thread_name(tid), errno);
  return rc;
}

// The same; false where the kernel has no such request (kernel/ptrace.c, ptrace_request()).
bool must_if_known(int op, pid_t tid, size_t size, const void* data, const char* what) {
  const long rc = request(op, tid, size, reinterpret_cast<unsigned long>(data));
  if (rc < 0 && errno != EIO) throw Error(std::string(what) + " of " + thread_name(tid), errno);
  return rc >= 0;
}

unsigned long word(const void* p) {
  return reinterpret_cast<unsigned long>(p);
}

bool is_event_stop(int status) {
  return (status >> 16) == PTRACE_EVENT_STOP;
}

// The beginning of a /proc file of a thread; empty where the thread is gone.
std::string read_proc(pid_t tid, const char* name) {
  const std::string path = "/proc/" + std::to_string(tid) + "/" + name;
  FILE* f = fopen(path.c_str(), "re");
  if (f == nullptr) return {};
  std::string text(512, '\0');
  text.resize(fread(text.data(), 1, text.size(), f));
  fclose(f);
  return text;
}

// The state of a thread in /proc/TID/stat (proc(5)); 0 where it is no longer there.
char state_letter(pid_t tid) {
  const std::string text = read_proc(tid, "stat");
  const size_t end = text.rfind(") ");
  return end == std::string::npos || end + 2 >= text.size() ? '\0' : text[end + 2];
}

// What has become of a thread that cannot be seized or does not stop: dead but not reaped, no
// longer there at all, or neither.
Tracee::State look(pid_t tid) {
  switch (state_letter(tid)) {
    case 'Z':
      return Tracee::State::kZombie;
    case '\0':
    case 'X':
    case 'x':
      return Tracee::State::kGone;
    default:
      return Tracee::State::kAlive;
  }
}

Error does_not_stop(pid_t tid) {
  const char state = state_letter(tid);
  const char* why = "";
  if (state == 'R') why = ": it is given no processor, or takes one signal after the other";
  if (state == 'D')
    why =
        ": it waits in the kernel without hearing signals, as the parent of a vfork does, or one "
        "in a frozen cgroup";
  return Error(thread_name(tid) + " (in state " + state + ") does not stop" + why);
}

// A thread that was seized by another number takes that of its leader with it when it calls
// execve(2).
bool is_traced_by_us(pid_t tid) {
  const std::string text = read_proc(tid, "status");
  const size_t at = text.find("TracerPid:");
  return at != std::string::npos && atoi(text.c_str() + at + strlen("TracerPid:")) == gettid();
}

Tracee::Deadline soon() {
  return std::chrono::steady_clock::now() + kStopWithin;
}

// waitpid(2), but not for ever: 0 when the time is up. A thread stops within microseconds, so at
// first this only yields.
pid_t wait_bounded(pid_t tid, int& status, Tracee::Deadline by) {
  for (int round = 0;; round++) {
    const pid_t rc = waitpid(tid, &status, __WALL | WNOHANG);
    if (rc > 0 || (rc < 0 && errno != EINTR)) return rc;
    if (round < kYields) {
      sched_yield();
      continue;
    }
    if (std::chrono::steady_clock::now() > by) return 0;
    if (look(tid) == Tracee::State::kZombie) return waitpid(tid, &status, __WALL | WNOHANG);
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

void Tracee::outlive_tracer() {
  must(PTRACE_SETOPTIONS, tid_, nullptr, reinterpret_cast<void*>(PTRACE_O_TRACESYSGOOD),
       "setting the options");
}

// An execve(2) gives the number of the main thread, which dies, to the thread that calls it. So
// what refused to be traced, or ended before it stopped, may have a living successor, also when for
// a moment it seemed that there was none: that one is asked.
Tracee Tracee::seize(pid_t tid, bool with_us, std::optional<Deadline> by) {
  Tracee t(tid);
  const unsigned long options = PTRACE_O_TRACESYSGOOD | (with_us ? PTRACE_O_EXITKILL : 0);
  int refused = 0, gone = 0;
  for (int attempt = 0; attempt < kSeizeAttempts && gone < kSureGone; attempt++) {
    if (request(PTRACE_SEIZE, tid, 0, options) < 0) {
      const int err = errno;
      t.state_ = err == ESRCH ? State::kGone : look(tid);
      const bool ours = t.state_ != State::kGone && is_traced_by_us(tid);
      if (t.state_ == State::kAlive && !ours && (err != EPERM || ++refused == kSureRefused)) {
        t.state_ = State::kGone;
        throw cannot_trace(tid, err);
      }
      if (t.state_ == State::kZombie && !ours) return t;
      if (t.state_ == State::kGone) gone++;
      if (!ours) {
        t.state_ = State::kGone;
        continue;
      }
    }
    t.ask_for_first_stop(by.value_or(soon()));
    t.await_first_stop();
    if (t.state_ != State::kGone) return t;
    if (look(tid) != State::kAlive) gone++;
  }
  return t;
}

Tracee Tracee::start_to_seize(pid_t tid, Deadline by, bool with_us) {
  Tracee t(tid);
  const unsigned long options = PTRACE_O_TRACESYSGOOD | (with_us ? PTRACE_O_EXITKILL : 0);
  if (request(PTRACE_SEIZE, tid, 0, options) == 0)
    t.ask_for_first_stop(by);
  else if (errno != EPERM && errno != ESRCH)
    throw cannot_trace(tid, errno);
  return t;
}

std::list<Tracee> Tracee::seize_all(std::span<const pid_t> tids, bool with_us,
                                    std::optional<Deadline> by) {
  std::list<Tracee> threads;
  for (const pid_t tid : tids)
    threads.push_back(start_to_seize(tid, by.value_or(soon()), with_us));
  for (auto t = threads.begin(); t != threads.end();) {
    t->await_first_stop();
    if (t->state_ == State::kAlive) {
      ++t;
      continue;
    }
    threads.insert(t, seize(t->tid_, with_us, by));
    t = threads.erase(t);
  }
  return threads;
}

Tracee::Tracee(Tracee&& other) noexcept
    : tid_(other.tid_),
      state_(std::exchange(other.state_, State::kGone)),
      stop_signal_(other.stop_signal_),
      running_(other.running_),
      asked_(other.asked_),
      stuck_(other.stuck_),
      first_stop_by_(other.first_stop_by_),
      stopped_at_(other.stopped_at_),
      held_back_(std::move(other.held_back_)) {}

Tracee::~Tracee() {
  detach();
}

// kernel/ptrace.c, ptrace_check_attach(): a thread that is to end is not stopped any more.
bool Tracee::was_killed() const {
  siginfo_t info{};
  return state_ == State::kGone ||
         (state_ == State::kAlive && !running_ &&
          request(PTRACE_GETSIGINFO, tid_, 0, reinterpret_cast<unsigned long>(&info)) < 0 &&
          errno == ESRCH);
}

// Waits for a stop and returns its wait status.
int Tracee::wait_stop() {
  int status = 0;
  const pid_t rc = wait_bounded(tid_, status, soon());
  stuck_ = rc == 0;
  if (stuck_) throw does_not_stop(tid_);
  if (rc < 0) {
    const int err = errno;
    state_ = State::kGone;
    throw Error("waiting for " + thread_name(tid_), err);
  }
  if (!WIFSTOPPED(status)) {
    state_ = State::kGone;
    throw Error(thread_name(tid_) + " ended while it was traced");
  }
  running_ = false;
  return status;
}

// A stop that is about to deliver a signal: the signal waits until the detach.
void Tracee::hold_back(int status) {
  held_back_.push_back(WSTOPSIG(status));
}

bool Tracee::holds_back(int signal) const {
  return std::ranges::find(held_back_, signal) != held_back_.end();
}

// Whether the thread has ended before it could stop; state_ says what is left of it. As its tracer
// this process hears of the end first, and only then do those whose child it is. Of a main thread
// whose others go on, nobody hears.
bool Tracee::ended_instead(int& status, Deadline by) {
  const pid_t rc = wait_bounded(tid_, status, by);
  if (rc > 0 && WIFSTOPPED(status)) {
    running_ = false;
    return false;
  }
  const State now = look(tid_);
  if (rc == 0 && now == State::kAlive) {
    stuck_ = true;
    throw does_not_stop(tid_);
  }
  // Not a child: what has its number now is another, an execve(2) gave it away.
  state_ = rc < 0 || now == State::kAlive ? State::kGone : now;
  running_ = false;
  return true;
}

// Of one that has ended, the wait tells.
void Tracee::ask_for_first_stop(Deadline by) {
  state_ = State::kAlive;
  running_ = true;
  first_stop_by_ = by;
  if (request(PTRACE_INTERRUPT, tid_, 0, 0) < 0 && errno != ESRCH) throw cannot_trace(tid_, errno);
}

// Any other stop takes the request with it that has come while a signal was taken from the queue:
// dequeue_signal() lets go of the lock for a POSIX timer, and ptrace_stop() clears
// JOBCTL_TRAP_STOP (kernel/signal.c). Where the request is still there, this changes nothing.
void Tracee::ask_again() {
  request(PTRACE_INTERRUPT, tid_, 0, 0);
}

// A signal that the thread had taken from its queue when it was to stop is none that a dump would
// find there: it takes its course. That may be its end, and so may be what it was doing: requests
// then fail, and the wait tells.
void Tracee::await_first_stop() {
  int status = 0;
  while (first_stop_by_ && !ended_instead(status, *first_stop_by_)) {
    const int sig = WSTOPSIG(status);
    if (is_event_stop(status)) {
      stop_signal_ = sig == SIGTRAP ? 0 : sig;
      stopped_at_ = std::chrono::steady_clock::now();
      first_stop_by_.reset();
      return;
    }
    ask_again();
    request(PTRACE_CONT, tid_, 0, static_cast<unsigned long>(sig));
    running_ = true;
  }
  first_stop_by_.reset();
}

void Tracee::ask_to_stop() {
  if (!running_ || asked_) return;
  must(PTRACE_INTERRUPT, tid_, nullptr, nullptr, "stopping");
  asked_ = true;
}

void Tracee::interrupt() {
  if (!running_) return;
  if (stuck_) throw does_not_stop(tid_);
  ask_to_stop();
  asked_ = false;
  for (;;) {
    const int status = wait_stop();
    if (is_event_stop(status)) {
      const int sig = WSTOPSIG(status);
      stop_signal_ = sig == SIGTRAP ? 0 : sig;
      return;
    }
    if (WSTOPSIG(status) != kSyscallStop) hold_back(status);
    ask_again();
    must(PTRACE_CONT, tid_, nullptr, nullptr, "continuing");
    running_ = true;
  }
}

void Tracee::resume() {
  must(PTRACE_CONT, tid_, nullptr, nullptr, "continuing");
  running_ = true;
}

void Tracee::run_to_syscall_stop() {
  start_to_syscall_stop();
  await_syscall_stop();
}

void Tracee::start_to_syscall_stop() {
  must(PTRACE_SYSCALL, tid_, nullptr, nullptr, "continuing");
  running_ = true;
}

void Tracee::await_syscall_stop() {
  for (;; start_to_syscall_stop()) {
    const int status = wait_stop();
    if (WSTOPSIG(status) == kSyscallStop) return;
    if (is_event_stop(status)) continue;
    if (WSTOPSIG(status) == SIGSYS && was_diverted()) throw Error(diverted());
    if (WSTOPSIG(status) == SIGSEGV || WSTOPSIG(status) == SIGILL || WSTOPSIG(status) == SIGBUS)
      throw Error(thread_name(tid_) + " got signal " + std::to_string(WSTOPSIG(status)) +
                  " in a remote system call");
    hold_back(status);
  }
}

void Tracee::leave_syscall() {
  must(PTRACE_INTERRUPT, tid_, nullptr, nullptr, "stopping");
  resume();
  asked_ = true;
  interrupt();
}

void Tracee::come_to_rest() {
  if (running_)
    interrupt();
  else
    leave_syscall();
}

// The thread meets a SIGSTOP, and goes on with the signal that it is to get in its place; should
// that be no reason to stop (kernel/signal.c, get_signal(): an orphaned group), the interrupt is.
bool Tracee::stop_group(int signal) {
  if (::syscall(SYS_tkill, tid_, SIGSTOP) < 0)
    throw Error("cannot stop " + thread_name(tid_), errno);
  bool is_given = false;
  for (long passed = 0; !is_given || stop_signal_ == 0;) {
    must(PTRACE_CONT, tid_, nullptr, reinterpret_cast<void*>(passed), "continuing");
    running_ = true;
    const int status = wait_stop(), sig = WSTOPSIG(status);
    passed = 0;
    if (is_event_stop(status)) {
      stop_signal_ = sig == SIGTRAP ? 0 : sig;
      if (is_given && signal != SIGSTOP) break;
    } else if (sig == SIGSTOP && !is_given) {
      is_given = true;
      passed = signal;
      if (signal != SIGSTOP) must(PTRACE_INTERRUPT, tid_, nullptr, nullptr, "stopping");
    } else {
      hold_back(status);
    }
  }
  // The tracer is told before the parent; a request waits until the thread stands still.
  (void)general();
  return stop_signal_ != 0;
}

void Tracee::join_group_stop() {
  while (stop_signal_ == 0) {
    resume();
    const int status = wait_stop(), sig = WSTOPSIG(status);
    if (!is_event_stop(status))
      hold_back(status);
    else if (sig != SIGTRAP)
      stop_signal_ = sig;
  }
  (void)general();
}

std::optional<std::string> Tracee::unexpected_stop() {
  int status = 0;
  const pid_t rc = waitpid(tid_, &status, __WALL | WNOHANG);
  if (rc == 0) return std::nullopt;
  if (rc < 0 || !WIFSTOPPED(status)) {
    state_ = State::kGone;
    return thread_name(tid_) + " ended while it was traced";
  }
  running_ = false;
  if (is_event_stop(status)) {  // a stop signal of the whole group: it has no say here
    resume();
    return std::nullopt;
  }
  const int sig = WSTOPSIG(status);
  if (sig == SIGSYS && was_diverted()) return diverted();
  if (sig == SIGSTOP || sig == SIGSYS) {  // another has sent it
    hold_back(status);
    resume();
    return std::nullopt;
  }
  return thread_name(tid_) + " stopped with signal " + std::to_string(sig);
}

Registers Tracee::registers() const {
  Registers r;
  r.general = general();
  std::array<uint8_t, kMaxXstate> xstate;
  iovec iov{xstate.data(), xstate.size()};
  must(PTRACE_GETREGSET, tid_, reinterpret_cast<void*>(NT_X86_XSTATE), &iov, "reading the xstate");
  r.xstate.assign(xstate.begin(), xstate.begin() + static_cast<ptrdiff_t>(iov.iov_len));
  return r;
}

user_regs_struct Tracee::general() const {
  user_regs_struct regs{};
  must(PTRACE_GETREGS, tid_, nullptr, &regs, "reading the registers");
  return regs;
}

void Tracee::set_general(const user_regs_struct& regs) {
  must(PTRACE_SETREGS, tid_, nullptr, &regs, "setting the registers");
}

void Tracee::set_xstate(const std::vector<uint8_t>& xstate) {
  iovec iov{const_cast<uint8_t*>(xstate.data()), xstate.size()};
  must(PTRACE_SETREGSET, tid_, reinterpret_cast<void*>(NT_X86_XSTATE), &iov, "setting the xstate");
}

uint64_t Tracee::blocked_signals() const {
  uint64_t mask = 0;
  must(PTRACE_GETSIGMASK, tid_, reinterpret_cast<void*>(kKernelSigsetSize), &mask,
       "reading the signal mask");
  return mask;
}

void Tracee::set_blocked_signals(uint64_t mask) {
  must(PTRACE_SETSIGMASK, tid_, reinterpret_cast<void*>(kKernelSigsetSize), &mask,
       "setting the signal mask");
}

std::vector<siginfo_t> Tracee::queued_signals(bool shared) const {
  std::vector<siginfo_t> queue;
  for (size_t have = 0;;) {
    const size_t batch = have == 0 ? kPeekFirst : kPeekBatch;
    queue.resize(have + batch);
    ptrace_peeksiginfo_args args{};
    args.off = have;
    args.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0;
    args.nr = static_cast<int32_t>(batch);
    const long n =
        must(PTRACE_PEEKSIGINFO, tid_, &args, &queue[have], "reading the queued signals");
    have += static_cast<size_t>(n);
    queue.resize(have);
    // Fewer than asked for may be an interrupted call as well as the end.
    if (n == 0) return queue;
  }
}

RseqConfig Tracee::rseq() const {
  ptrace_rseq_configuration conf{};
  if (!must_if_known(PTRACE_GET_RSEQ_CONFIGURATION, tid_, sizeof conf, &conf, "reading the rseq"))
    return {};  // before Linux 5.13
  return {conf.rseq_abi_pointer, conf.rseq_abi_size, conf.signature, conf.flags};
}

std::optional<bool> Tracee::diverts_syscalls() const {
  struct {
    uint64_t mode, offset, length, selector;
  } conf{};
  if (!must_if_known(kGetSyscallUserDispatch, tid_, sizeof conf, &conf,
                     "reading the user dispatch"))
    return std::nullopt;
  return conf.mode != 0;
}

// Whether the signal that a thread stopped with came in the place of a system call.
bool Tracee::was_diverted() const {
  constexpr int kSysUserDispatch = 2;  // SYS_USER_DISPATCH, asm-generic/siginfo.h
  siginfo_t info{};
  return request(PTRACE_GETSIGINFO, tid_, 0, reinterpret_cast<unsigned long>(&info)) == 0 &&
         info.si_code == kSysUserDispatch;
}

std::string Tracee::diverted() const {
  return thread_name(tid_) + " diverts its system calls (Syscall User Dispatch): not supported yet";
}

// See call_again(). A thread in a group stop goes on at another time than now.
void Tracee::continue_by_name() noexcept {
  user_regs_struct regs{};
  if (stop_signal_ != 0 || request(PTRACE_GETREGS, tid_, 0, word(&regs)) < 0) return;
  const auto again = call_again(regs);
  if (!again) return;
  if (again->duration != 0) {
    const uint64_t at = again->duration;
    int64_t left[2] = {};  // struct timespec
    if (request(PTRACE_PEEKDATA, tid_, at, word(&left[0])) < 0 ||
        request(PTRACE_PEEKDATA, tid_, at + sizeof left[0], word(&left[1])) < 0)
      return;
    constexpr int64_t kNsPerSec = 1'000'000'000;
    const auto passed = std::chrono::nanoseconds(std::chrono::steady_clock::now() - stopped_at_);
    left[0] -= passed.count() / kNsPerSec;
    left[1] -= passed.count() % kNsPerSec;
    if (left[1] < 0) left[0]--, left[1] += kNsPerSec;
    if (left[0] < 0) left[0] = left[1] = 0;
    if (request(PTRACE_POKEDATA, tid_, at, static_cast<unsigned long>(left[0])) < 0 ||
        request(PTRACE_POKEDATA, tid_, at + sizeof left[0], static_cast<unsigned long>(left[1])) <
            0)
      return;
  }
  request(PTRACE_SETREGS, tid_, 0, word(&again->regs));
}

void Tracee::detach() noexcept {
  if (state_ != State::kAlive) return;
  state_ = State::kGone;
  int taken = 0;  // the signal that it is about to take
  if (running_) {
    running_ = false;
    if (request(PTRACE_INTERRUPT, tid_, 0, 0) == 0) {
      int status = 0;
      // One that does not stop is let go by the kernel when this process ends.
      if (stuck_ || wait_bounded(tid_, status, first_stop_by_.value_or(soon())) == 0) return;
      if (first_stop_by_ && WIFSTOPPED(status) && !is_event_stop(status)) taken = WSTOPSIG(status);
    }
  }
  if (taken == 0) continue_by_name();
  for (const int sig : held_back_) ::syscall(SYS_tkill, tid_, sig);
  request(PTRACE_DETACH, tid_, 0, static_cast<unsigned long>(taken));
}

}  // namespace compel
