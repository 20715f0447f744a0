// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/task-answer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/log.h"
#include "criu/mm/vma.h"

extern "C" const uint8_t parasite_blob[], parasite_blob_end[];

namespace criu {

namespace {

// What a new mapping, at that address and not used yet, tells of mlockall(2): MCL_FUTURE where it
// is locked; MCL_ONFAULT where its pages are not there all the same. (Not every kernel shows that
// among the flags of smaps.)
int seen_mlock_future(pid_t pid, uint64_t address, uint64_t locked_kib_before) {
  if (proc::read_status(pid, pid).locked_kib <= locked_kib_before) return 0;
  constexpr uint64_t kPresent = 1ULL << 63;
  uint64_t entry = 0;
  const UniqueFd pagemap = open_path(proc::path(pid, "pagemap"), O_RDONLY);
  if (pread(pagemap.get(), &entry, sizeof entry,
            static_cast<off_t>(address / mm::kPage * sizeof entry)) != sizeof entry)
    fail_errno("cannot read the pagemap of task {}", pid);
  return MCL_FUTURE | ((entry & kPresent) == 0 ? MCL_ONFAULT : 0);
}

bool is_of(const siginfo_t& info, const pie::PosixTimer& timer) {
  return info.si_code == SI_TIMER && info.si_timerid == timer.id;
}

bool is_queued(const std::vector<siginfo_t>& queue, const pie::PosixTimer& timer) {
  return std::ranges::any_of(queue, [&](const siginfo_t& info) { return is_of(info, timer); });
}

uint64_t signals_in(const std::vector<siginfo_t>& queue) {
  uint64_t set = 0;
  for (const siginfo_t& info : queue) set |= uint64_t{1} << (info.si_signo - 1);
  return set;
}

siginfo_t delivered_without_entry(int signal) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_USER;  // of process 0 and user 0
  return info;
}

// Which signal an interval timer sends: setitimer(2).
int itimer_signal(int which) {
  constexpr int kSignals[] = {SIGALRM, SIGVTALRM, SIGPROF};
  return kSignals[which];
}

bool is_queued(const std::vector<siginfo_t>& queue, int signal) {
  return std::ranges::any_of(queue, [&](const siginfo_t& i) { return i.si_signo == signal; });
}

// setitimer(2) sends as the kernel does.
bool is_queued_by_kernel(const std::vector<siginfo_t>& queue, int signal) {
  return std::ranges::any_of(queue, [&](const siginfo_t& info) {
    return info.si_signo == signal && info.si_code == SI_KERNEL;
  });
}

}  // namespace

TaskAnswer::TaskAnswer(FrozenTask& task, std::span<const compel::StoppedThread> threads,
                       const std::vector<compel::Range>& ranges,
                       std::span<const compel::Range> leftovers, compel::GadgetMemo& memo,
                       const Question& question)
    : task_(task),
      leftovers_(leftovers),
      locked_kib_(question.locked_kib),
      pending_(question.pending.begin(), question.pending.end()),
      shared_pending_(question.shared_pending) {
  pie::ParasiteArgs numbers{};
  numbers.nr_threads = static_cast<uint32_t>(task.threads.size());
  numbers.nr_timers = static_cast<uint32_t>(question.timers.size());
  numbers.nr_mappings = ranges.size();
  numbers.policy_node_words = mm::node_set_words();
  numbers.nr_rings = question.rings.size();
  numbers.nr_fds = question.fds.size();
  storage_.resize((numbers.size() + 7) / 8);
  args_ = new (storage_.data()) pie::ParasiteArgs(numbers);
  for (uint32_t i = 0; i < args_->nr_timers; i++) args_->timers()[i].id = question.timers[i].id;
  for (size_t i = 0; i < ranges.size(); i++)
    args_->mappings()[i] = {ranges[i].start, ranges[i].end};
  std::ranges::copy(question.rings, args_->rings());
  std::ranges::copy(question.fds, args_->fds());

  const compel::Blob blob{parasite_blob, static_cast<size_t>(parasite_blob_end - parasite_blob)};
  parasite_.emplace(threads, ranges, memo, blob, storage_.size() * sizeof storage_[0]);
}

void TaskAnswer::ask(std::span<TaskAnswer* const> all) {
  constexpr void (TaskAnswer::*kSteps[])() = {&TaskAnswer::go_on, &TaskAnswer::put_question,
                                              &TaskAnswer::stop,  &TaskAnswer::take_answer,
                                              &TaskAnswer::go_on, &TaskAnswer::release};
  for (const auto step : kSteps)
    for (TaskAnswer* answer : all) (answer->*step)();
}

void TaskAnswer::go_on() {
  parasite_->go_on();
}

void TaskAnswer::put_question() {
  void* const data = parasite_->data();
  for (const compel::Range& range : leftovers_) parasite_->unmap(range);
  mlock_future_ = seen_mlock_future(task_.pid, parasite_->address(), locked_kib_);
  std::memcpy(data, args_, storage_.size() * sizeof storage_[0]);
  shared_signals_before_ = task_.leader().queued_signals(true);
  parasite_->start();
}

void TaskAnswer::stop() {
  parasite_->ask_to_stop();
}

void TaskAnswer::take_answer() {
  parasite_->finish();
  std::memcpy(args_, parasite_->data(), storage_.size() * sizeof storage_[0]);
  parasite_->leave();
}

void TaskAnswer::release() {
  parasite_.reset();
}

mm::MemoryPolicy TaskAnswer::policy(const uint64_t* told) const {
  const auto mode = static_cast<int64_t>(told[0]);
  // A kernel without NUMA, or a page that is the kernel's (the vsyscall page).
  if (mode == -ENOSYS || mode == -EFAULT) return {};
  if (mode < 0)
    fail("task {}: a memory policy cannot be read ({})", task_.pid,
         strerror(static_cast<int>(-mode)));
  return {static_cast<uint32_t>(mode), {told + 1, args_->policy_node_words}};
}

mm::MemoryPolicy TaskAnswer::mapping_policy(uint64_t start) const {
  const std::span mappings(args_->mappings(), args_->nr_mappings);
  const auto it = std::ranges::lower_bound(mappings, start, {}, &pie::AskedMapping::start);
  if (it == mappings.end() || it->start != start) return {};
  return policy(args_->mapping_policy(static_cast<uint64_t>(it - mappings.begin())));
}

void TaskAnswer::read_signals(const FrozenTask& task) {
  for (const auto& thread : task.threads) signals_.push_back(thread->queued_signals(false));
  shared_signals_ = task.leader().queued_signals(true);
  add_without_entry(task);
  note_stops(task);
  for (uint32_t i = 0; i < args_->nr_timers; i++) settle(args_->timers()[i]);
  for (int which : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) settle(which);
}

// A user who has queued as many signals as he may (RLIMIT_SIGPENDING) sends what is told of by a
// bit alone; it is delivered as collect_signal() of kernel/signal.c does that. The bits were read
// before the queues: one without an entry may have been taken away since.
void TaskAnswer::add_without_entry(const FrozenTask& task) {
  const auto add = [](std::vector<siginfo_t>& queue, uint64_t pending) {
    for (int signal = 1; signal < NSIG; signal++)
      if ((pending >> (signal - 1) & 1) != 0) queue.push_back(delivered_without_entry(signal));
  };
  for (size_t i = 0; i < signals_.size(); i++)
    if (const uint64_t bits = pending_[i] & ~signals_in(signals_[i]); bits != 0)
      add(signals_[i], bits & proc::read_status(task.pid, task.threads[i]->tid()).pending);
  if (const uint64_t bits = shared_pending_ & ~signals_in(shared_signals_); bits != 0)
    add(shared_signals_, bits & proc::read_status(task.pid, task.pid).shared_pending);
}

// Either takes the other out of the queues as it comes (kernel/signal.c, prepare_signal()), but not
// out of what is held back. A task that is traced does not take them.
void TaskAnswer::note_stops(const FrozenTask& task) {
  const auto has_it = [&](int signal) {
    const auto is_in = [&](const auto& queue) { return is_queued(queue, signal); };
    return is_in(shared_signals_) || std::ranges::any_of(signals_, is_in);
  };
  was_continued_ = has_it(SIGCONT);
  was_stopped_ =
      has_it(SIGSTOP) || (!was_continued_ && std::ranges::any_of(task.threads, [](const auto& t) {
        return t->holds_back(SIGSTOP);
      }));
  const auto drop_it = [](auto& queue) {
    std::erase_if(queue, [](const siginfo_t& info) { return info.si_signo == SIGSTOP; });
  };
  drop_it(shared_signals_);
  std::ranges::for_each(signals_, drop_it);
}

void TaskAnswer::settle(pie::PosixTimer& t) {
  const auto has_it = [&t](const auto& queue) { return is_queued(queue, t); };
  if (!has_it(shared_signals_) && std::ranges::none_of(signals_, has_it)) return;
  const auto value = std::pair(t.value_sec, t.value_nsec);
  const auto interval = std::pair(t.interval_sec, t.interval_nsec);
  if (interval == std::pair(uint64_t{0}, uint64_t{0})) {
    t.value_sec = t.value_nsec = 0;
    return;
  }
  // Longer than its interval: it was started anew since, and the signal is one of before.
  if (value > interval) return;
  const auto drop_it = [&t](auto& queue) {
    std::erase_if(queue, [&t](const siginfo_t& info) { return is_of(info, t); });
  };
  drop_it(shared_signals_);
  std::ranges::for_each(signals_, drop_it);
  t.value_sec = 0;
  t.value_nsec = 1;
}

// The kernel has one signal of each in the queue, so one that was there before says nothing.
void TaskAnswer::settle(int which) {
  const int signal = itimer_signal(which);
  if (is_queued(shared_signals_before_, signal)) return;
  if (!is_queued_by_kernel(shared_signals_, signal)) return;
  const pie::ItimerValue& t = args_->itimers[which];
  if (which != ITIMER_REAL && (t.interval_sec != 0 || t.interval_usec != 0)) return;
  args_->itimers[which].value_sec = args_->itimers[which].value_usec = 0;
}

}  // namespace criu
