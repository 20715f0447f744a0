// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/frozen-tree.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "compel/error.h"
#include "criu/base/error.h"
#include "criu/base/held-signals.h"
#include "criu/base/log.h"

namespace criu {

namespace {

// A tree that forks faster than it can be seized is given up after this many rounds.
constexpr int kMaxRounds = 64;
constexpr uint32_t kKernelThread = 0x00200000;  // PF_KTHREAD, include/linux/sched.h

constexpr int kMaxPauses = 10000;  // ten seconds
constexpr useconds_t kPauseUs = 1000;

// What /proc says of a thread that may end at any time; nothing where it has.
template <typename F>
auto if_there(F&& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const NotThere&) {
    return std::nullopt;
  }
}

// A thread of the task may be in execve(2): it waits until all others have been seen to their end,
// which for those that are seized is this process's to do; and whoever wants to seize it waits for
// the execve. So it is done from within that wait, by the handler of SIGCHLD. Stops are left to
// who waits for them.
class ReapWhileSeizing {
 public:
  ReapWhileSeizing() {
    struct sigaction sa {};
    sa.sa_handler = [](int) { heard_ = 1, reap(); };
    sa.sa_flags = SA_NOCLDSTOP | SA_RESTART;
    sigaction(SIGCHLD, &sa, &action_);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_UNBLOCK, &set, &mask_);
  }
  ~ReapWhileSeizing() {
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    sigaction(SIGCHLD, &action_, nullptr);
  }
  ReapWhileSeizing(const ReapWhileSeizing&) = delete;
  ReapWhileSeizing& operator=(const ReapWhileSeizing&) = delete;

  // For as long as one of these, or a thread beside them, is being seized; they do not change
  // meanwhile.
  class Scope {
   public:
    explicit Scope(const FrozenTask& task) {
      seized_ = &task.threads;
      // One that was seized last may have ended before it was among these.
      if (heard_ == 0) return;
      heard_ = 0;
      reap();
    }
    ~Scope() { seized_ = nullptr; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };

 private:
  static void reap() {
    const auto* seized = seized_.load();
    if (seized == nullptr) return;
    const int saved = errno;
    for (const auto& thread : *seized) {
      const auto tid = static_cast<id_t>(thread->tid());
      siginfo_t info{};
      // A tracer is told of stops whether it asks for them or not (kernel/exit.c,
      // wait_task_stopped()), and once only.
      constexpr int kLook = WEXITED | WNOHANG | WNOWAIT | __WALL;
      if (waitid(P_PID, tid, &info, kLook) == 0 && is_end(info))
        waitid(P_PID, tid, &info, WEXITED | WNOHANG | __WALL);
    }
    errno = saved;
  }
  static bool is_end(const siginfo_t& info) {
    return info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
  }

  static inline std::atomic<const std::vector<std::unique_ptr<compel::Tracee>>*> seized_{nullptr};
  static inline volatile sig_atomic_t heard_ = 0;
  struct sigaction action_ {};
  sigset_t mask_{};
};

// Seizes a thread; what makes that impossible is told by name.
compel::Tracee seize(pid_t pid, pid_t tid, compel::Tracee::Deadline by) {
  if (pid == getpid())
    fail("criu itself (task {}) is part of the tree: start it from outside of the tree", pid);
  try {
    return compel::Tracee::seize(tid, false, by);
  } catch (const compel::Error&) {
    if (const auto stat = if_there([&] { return proc::read_stat(pid, tid); });
        stat && (stat->flags & kKernelThread) != 0)
      fail("task {} is a kernel thread: it cannot be dumped", pid);
    const auto status = if_there([&] { return proc::read_status(pid, tid); });
    if (status && status->tracer != 0 && status->tracer != getpid())
      fail("task {} is traced by {} already: end its debugger first", pid, status->tracer);
    throw;
  }
}

// By an execve(2) all but one are killed before the main thread is dead; that one has its number
// afterwards, and may make threads.
bool outlives_its_leader(pid_t pid, pid_t tid, compel::Tracee::Deadline by) {
  const compel::Tracee thread = seize(pid, tid, by);
  if (thread.state() != compel::Tracee::State::kAlive) return false;
  const auto leader = if_there([&] { return proc::read_stat(pid, pid); });
  return leader && leader->state == 'Z' && !thread.was_killed();
}

// The images are whole, and others are dead already: what may not be killed goes on.
bool send_kill(const FrozenTask& task) {
  if (::kill(task.pid, SIGKILL) == 0 || errno == ESRCH) return true;
  log::error("Task {} is dumped, but cannot be killed: {}", task.pid, strerror(errno));
  return false;
}

// A traced task is seen to its end by its tracer; its parent reaps it afterwards. The leader ends
// when the last other thread has been seen to.
void see_to_the_end(const FrozenTask& task) {
  for (auto thread = task.threads.rbegin(); thread != task.threads.rend(); ++thread) {
    int status = 0;
    while (waitpid((*thread)->tid(), &status, __WALL) > 0 && WIFSTOPPED(status)) continue;
  }
}

}  // namespace

FrozenTree::FrozenTree(pid_t root, std::chrono::seconds timeout)
    : timeout_(timeout), by_(std::chrono::steady_clock::now() + timeout) {
  try {
    freeze(root);
  } catch (const std::exception& e) {
    if (std::chrono::steady_clock::now() < by_) throw;
    fail("the tree of task {} could not be stopped within {} s (--timeout): {}", root,
         timeout_.count(), e.what());
  }
}

void FrozenTree::check_time() const {
  if (std::chrono::steady_clock::now() > by_) fail("it does not come to rest");
}

// False if there is always more. What is dead goes by itself: a moment later it is not there.
template <typename F>
bool FrozenTree::look_until_nothing_is_new(F&& look) const {
  for (int round = 0, pauses = 0; round < kMaxRounds && pauses < kMaxPauses;) {
    check_time();
    const Found found = look();
    if (found == Found::kNothing) return true;
    if (found == Found::kNew) {
      round++;
    } else {
      usleep(kPauseUs);
      pauses++;
    }
  }
  return false;
}

void FrozenTree::freeze(pid_t root) {
  const ReapWhileSeizing reaper;
  add(root);
  if (tasks_.empty()) fail("there is no task {}", root);
  if (const pid_t process = proc::process_of(root); process != root)
    fail("{} is a thread of process {}: a dump is of whole processes", root, process);
  if (tasks_.front().is_zombie()) fail("task {} is a zombie: there is nothing to dump", root);
  // A task that was seized cannot fork any more; one that was not may have, and may have given its
  // children to another (orphans): look until nothing new turns up.
  if (!look_until_nothing_is_new([this] { return add_missing_children(); }))
    fail("the tree of task {} grows faster than it can be stopped", root);
  // A zombie may still be reaped by somebody who is not of the tree.
  std::erase_if(tasks_, [](FrozenTask& t) {
    const auto stat = if_there([&] { return proc::read_stat(t.pid, t.pid); });
    if (!stat && !t.is_zombie()) fail("task {} was killed while it was stopped", t.pid);
    if (stat) t.stat = *stat;
    return !stat;
  });
}

bool FrozenTree::has(pid_t pid) const {
  return std::ranges::any_of(tasks_, [&](const FrozenTask& t) { return t.pid == pid; });
}

void FrozenTree::add(pid_t pid, std::optional<compel::Tracee> seized) {
  for (int round = 0; round < kMaxPauses; round++) {
    check_time();
    FrozenTask task;
    task.pid = pid;
    compel::Tracee leader = seized ? std::move(*seized) : seize(pid, pid, by_);
    seized.reset();
    if (leader.state() == compel::Tracee::State::kGone) return;
    if (leader.state() == compel::Tracee::State::kZombie) {
      if (!is_dead(pid)) continue;
    } else {
      task.threads.push_back(std::make_unique<compel::Tracee>(std::move(leader)));
      add_threads(task);
      if (see_off(task)) continue;
    }
    log::debug("Seized task {}, {} threads", pid, task.threads.size());
    tasks_.push_back(std::move(task));
    return;
  }
  fail("task {} does not stop: it ends, or executes another program, again and again", pid);
}

// The main thread is dead. Where the others are about to follow, so is the task, or it is about to
// execute another program.
bool FrozenTree::is_dead(pid_t pid) {
  for (int round = 0; round < kMaxPauses; round++) {
    check_time();
    const auto stat = if_there([&] { return proc::read_stat(pid, pid); });
    if (!stat || stat->state != 'Z') return false;
    if (stat->num_threads <= 1) return true;
    const auto tids = if_there([&] { return proc::list_threads(pid); });
    for (const pid_t tid : tids.value_or(std::vector<pid_t>()))
      if (tid != pid && outlives_its_leader(pid, tid, by_))
        fail("the main thread of task {} has exited, its other threads have not: not supported yet",
             pid);
    usleep(kPauseUs);
  }
  fail("task {} does not come to its end", pid);
}

// A task may be killed, or end or execute another program from a thread that is not seized yet:
// then those that are are being killed, and it is looked at anew. Those of them that can be let go
// are nobody's to wait for; the others end, which is this process's to see to.
bool FrozenTree::see_off(const FrozenTask& task) {
  if (std::ranges::none_of(task.threads, [](const auto& t) { return t->was_killed(); }))
    return false;
  for (const auto& thread : task.threads) {
    thread->detach();
    // The main thread's end is told after that of the others, and by execve(2) not at all.
    siginfo_t info{};
    if (thread->tid() != task.pid)
      while (waitid(P_PID, static_cast<id_t>(thread->tid()), &info, WEXITED | __WALL) < 0 &&
             errno == EINTR)
        continue;
  }
  return true;
}

// True if all of them have stopped. Each is asked to before the first is waited for: where many
// wait for a processor, they come to their stops in one turn of its queue, not in one each.
bool FrozenTree::seize_threads(FrozenTask& task, std::span<const pid_t> tids) const {
  const size_t known = task.threads.size();
  bool all_stopped = true;
  for (const pid_t tid : tids) {
    auto thread = [&] {
      const ReapWhileSeizing::Scope scope(task);
      compel::Tracee asked = compel::Tracee::start_to_seize(tid, by_);
      const bool is_asked = asked.state() == compel::Tracee::State::kAlive;
      return std::make_unique<compel::Tracee>(is_asked ? std::move(asked)
                                                       : seize(task.pid, tid, by_));
    }();
    if (thread->state() == compel::Tracee::State::kAlive)
      task.threads.push_back(std::move(thread));
    else
      all_stopped = false;
  }
  for (size_t i = known; i < task.threads.size(); i++) {
    const ReapWhileSeizing::Scope scope(task);
    task.threads[i]->await_first_stop();
  }
  const auto ended = [](const auto& t) { return t->state() != compel::Tracee::State::kAlive; };
  const auto first = task.threads.begin() + static_cast<ptrdiff_t>(known);
  const auto rest = std::remove_if(first, task.threads.end(), ended);
  all_stopped = all_stopped && rest == task.threads.end();
  task.threads.erase(rest, task.threads.end());
  return all_stopped;
}

// A thread that has ended may have made another one before.
void FrozenTree::add_threads(FrozenTask& task) {
  const auto look = [&] {
    auto tids = if_there([&] { return proc::list_threads(task.pid); });
    if (!tids) return Found::kNothing;
    std::erase_if(*tids, [&](pid_t tid) {
      return std::ranges::any_of(task.threads, [&](const auto& t) { return t->tid() == tid; });
    });
    const size_t known = task.threads.size();
    const bool all_stopped = seize_threads(task, *tids);
    if (task.threads.size() > known) return Found::kNew;
    return all_stopped ? Found::kNothing : Found::kDeadOnes;
  };
  if (!look_until_nothing_is_new(look))
    fail("task {} makes threads faster than they can be stopped", task.pid);
}

// All at the same time, each of them; none where that fails. Why it does is told where they are
// seized one after the other.
std::list<compel::Tracee> FrozenTree::seize_leaders(std::span<const pid_t> pids) const {
  if (std::ranges::find(pids, getpid()) != pids.end()) return {};
  try {
    return compel::Tracee::seize_all(pids, false, by_);
  } catch (const compel::Error&) {
    return {};
  }
}

FrozenTree::Found FrozenTree::add_missing_children() {
  const size_t known = tasks_.size();
  bool some_are_dead = false;
  for (size_t i = 0; i < tasks_.size(); i++) {
    if (tasks_[i].is_zombie()) continue;
    std::vector<pid_t> tids;  // all of them are known, and stopped
    for (const auto& thread : tasks_[i].threads) tids.push_back(thread->tid());
    std::vector<pid_t> missing = proc::list_children(tasks_[i].pid, tids);
    std::erase_if(missing, [this](pid_t child) { return has(child); });
    std::list<compel::Tracee> seized = seize_leaders(missing);
    for (const pid_t child : missing) {
      std::optional<compel::Tracee> leader;
      if (!seized.empty()) {
        leader.emplace(std::move(seized.front()));
        seized.pop_front();
      }
      const size_t before = tasks_.size();
      add(child, std::move(leader));
      some_are_dead = some_are_dead || tasks_.size() == before;
    }
  }
  if (tasks_.size() > known) return Found::kNew;
  return some_are_dead ? Found::kDeadOnes : Found::kNothing;
}

const FrozenTask* FrozenTree::killed() const {
  for (const FrozenTask& t : tasks_)
    if (std::ranges::any_of(t.threads, [](const auto& thread) { return thread->was_killed(); }))
      return &t;
  return nullptr;
}

// By the distance from the root. A task comes behind its parent in tasks_.
std::vector<std::vector<FrozenTask*>> FrozenTree::generations() {
  std::vector<std::vector<FrozenTask*>> all;
  std::map<pid_t, size_t> distances;
  for (FrozenTask& t : tasks_) {
    const auto parent = distances.find(t.stat.ppid);
    const size_t distance = parent == distances.end() ? 0 : parent->second + 1;
    distances[t.pid] = distance;
    if (all.size() <= distance) all.resize(distance + 1);
    all[distance].push_back(&t);
  }
  return all;
}

void FrozenTree::kill() {
  const HeldSignals none_stops_half_way;
  for (FrozenTask& t : tasks_)
    for (auto& thread : t.threads) thread->forget();
  // Leaves first, so that nobody is told of a child's end, nor inherits one.
  const auto all = generations();
  for (auto generation = all.rbegin(); generation != all.rend(); ++generation) {
    std::vector<const FrozenTask*> dying;
    for (const FrozenTask* t : *generation)
      if (!t->is_zombie() && send_kill(*t)) dying.push_back(t);
    for (const FrozenTask* t : dying) see_to_the_end(*t);
  }
}

void FrozenTree::leave_stopped() {
  for (const FrozenTask& t : tasks_)
    if (!t.is_zombie() && !t.is_stopped()) ::kill(t.pid, SIGSTOP);
}

}  // namespace criu
