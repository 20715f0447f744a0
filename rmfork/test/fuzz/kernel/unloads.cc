// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/unloads.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "rmfork/error.h"
#include "rmfork/test/fuzz/kernel/fail-nth.h"
#include "rmfork/test/fuzz/kernel/random.h"
#include "rmfork/test/fuzz/kernel/reload.h"

namespace rmfork::fuzz {
namespace {

constexpr std::size_t kPages = 64;
constexpr std::size_t kMost = 8;  // tenants at once
constexpr std::uint64_t kContents = 79;
constexpr useconds_t kPoll = 1000;
constexpr int kPolls = 60'000;  // a minute for an answer: the processor is emulated

enum Answer : int { kNone, kWhole, kNoAccess, kWrong };

// What a tenant and the fuzzer tell each other.
struct Tenant {
  std::atomic<pid_t> pid;  // 0: none
  std::atomic<int> asked;  // how often it was asked to look
  std::atomic<int> said;   // and how often it did
  std::atomic<int> answer;
  bool copied;  // restored by copying: it has no page of ubmem
};

struct Tenants {
  Tenant all[kMost];
};

// Asked of the kernel, which answers EFAULT where a touch would be a signal.
Answer look_at_arena() {
  std::size_t readable = 0, right = 0;
  static char copy[kPage];
  for (std::size_t i = 0; i < kPages; i++) {
    const iovec to = {copy, kPage}, from = {kArena + i * kPage, kPage};
    if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != static_cast<ssize_t>(kPage)) continue;
    readable++;
    right += page_holds(copy, i, kContents);
  }
  if (readable == 0) {
    // The touch itself: no operation of a module that is gone may be called.
    const pid_t pid = fork();
    if (pid == 0) _exit(*static_cast<volatile char*>(kArena));
    int status = 0;
    const bool ended = pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
    return ended && WTERMSIG(status) == SIGSEGV ? kNoAccess : kWrong;
  }
  return readable == kPages && right == kPages ? kWhole : kWrong;
}

[[noreturn]] void answer_questions(Tenant& self) {
  self.pid = getpid();
  for (;;) {
    if (self.said.load() == self.asked.load()) {
      usleep(kPoll);
      continue;
    }
    self.answer = look_at_arena();
    self.said++;
  }
}

class Unloads {
 public:
  Unloads(Module& module, const CallsOptions& options)
      : module_(module), file_(options.module), parameters_(allocated_pool()) {
    void* at =
        mmap(nullptr, sizeof(Tenants), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw Error("mapping memory in common", errno);
    tenants_ = static_cast<Tenants*>(at);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  ~Unloads() {
    end_all();
    munmap(tenants_, sizeof(Tenants));
  }
  Unloads(const Unloads&) = delete;
  Unloads& operator=(const Unloads&) = delete;

  unsigned unloaded() const { return unloaded_; }
  unsigned without_access() const { return without_access_; }

  // Empty, or what is wrong.
  std::string round(Random& random) {
    const std::uint64_t off = save();
    const std::size_t nr = random.up_to(kMost / 2);
    for (std::size_t i = 0; i < nr; i++) let_in(2 * i, off, random);
    std::string why = look();
    if (why.empty()) why = meet_unload(off, random);
    end_all();
    return why;
  }

 private:
  std::uint64_t save() {
    std::uint64_t off = 0;
    if (!map_arena(0, kPages)) throw Error("mapping the arena");
    for (std::size_t i = 0; i < kPages; i++) fill_page(kArena + i * kPage, i, kContents);
    const long ret = module_.dump(getpid(), {arena_range(0, kPages)}, &off);
    munmap(kArena, kPages * kPage);
    if (ret != 0) throw Error("dumping for a test", static_cast<int>(-ret));
    return off;
  }

  // A tenant in the slot, and perhaps a child of it in the next; perhaps the child alone stays.
  void let_in(std::size_t slot, std::uint64_t off, Random& random) {
    const std::uint64_t ops[] = {RMFORK_OP_RESTORE_LAZY, RMFORK_OP_RESTORE_LAZY,
                                 RMFORK_OP_RESTORE_ONE, RMFORK_OP_RESTORE_ALL};
    const std::uint64_t op =
        module_.has(RMFORK_FEAT_LAZY) ? random.pick(ops) : ops[2 + random.below(2)];
    const bool forks = !random.one_in(4), stays = random.one_in(2);
    for (std::size_t i : {slot, slot + 1}) {
      Tenant& one = tenants_->all[i];
      one.pid = one.asked = one.said = 0;
      one.answer = kNone;
      one.copied = op == RMFORK_OP_RESTORE_ALL;
    }
    const pid_t pid = fork();
    if (pid == 0) {
      if (!map_arena(0, kPages) || module_.restore(op, 0, off, {arena_range(0, kPages)}) != 0)
        _exit(1);
      module_.close();
      const pid_t child = forks ? fork_off(random) : -1;
      if (child == 0) answer_questions(tenants_->all[slot + 1]);
      if (child > 0) tenants_->all[slot + 1].pid = child;
      if (forks && !stays) _exit(0);
      answer_questions(tenants_->all[slot]);
    }
    for (int i = 0; i < kPolls && tenants_->all[slot].pid == 0; i++) {
      int status = 0;
      if (waitpid(pid, &status, WNOHANG) == pid) break;
      usleep(kPoll);
    }
  }

  // Until there is a child: before the allocations for its memory are those without which there is
  // no fork at all, and after them nothing is to fail.
  static pid_t fork_off(Random& random) {
    FailNth fail;
    pid_t pid = -1;
    for (auto n = static_cast<unsigned>(random.below(120)) + 1; pid < 0 && n < 250; n++) {
      fail.arm(n);
      pid = fork();
      if (pid != 0) fail.disarm();
    }
    return pid;
  }

  // All that are there have their memory, or no access to any of it.
  std::string look() {
    for (Tenant& one : tenants_->all)
      if (one.pid != 0) one.asked++;
    for (Tenant& one : tenants_->all) {
      if (one.pid == 0) continue;
      for (int i = 0; i < kPolls && one.said != one.asked; i++) {
        if (waitpid(one.pid, nullptr, WNOHANG) == one.pid) return "a tenant has ended";
        usleep(kPoll);
      }
      if (one.said != one.asked) return "a tenant does not answer";
      if (one.answer == kWrong) return "a tenant's memory is wrong";
      without_access_ += one.answer == kNoAccess;
    }
    return {};
  }

  bool anyone_has_pages() const {
    return std::ranges::any_of(tenants_->all, [](const Tenant& one) {
      return one.pid != 0 && !one.copied && one.answer == kWhole;
    });
  }

  std::string meet_unload(std::uint64_t off, Random& random) {
    for (Tenant& one : tenants_->all)
      if (one.pid != 0 && random.one_in(2)) end(one);
    const bool freed = !random.one_in(4);
    if (freed) module_.on_snapshot(RMFORK_OP_FREE, off);
    const bool needed = !freed || anyone_has_pages();
    const bool gone = unload(module_, !needed);
    if (gone) {
      unloaded_++;
      const std::string why = look();
      load(module_, file_, parameters_);
      if (needed) return "the module went though it was needed";
      if (!why.empty()) return why + ", without the module";
    } else if (!needed) {
      return "the module stays though nobody needs it";
    }
    const std::string why = look();
    if (!gone && !freed) module_.on_snapshot(RMFORK_OP_FREE, off);
    return why;
  }

  static void end(Tenant& one) {
    if (one.pid == 0) return;
    kill(one.pid, SIGKILL);
    waitpid(one.pid, nullptr, 0);
    one.pid = 0;
  }
  void end_all() {
    for (Tenant& one : tenants_->all) end(one);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }

  Module& module_;
  std::string file_;
  std::string parameters_;
  Tenants* tenants_ = nullptr;
  unsigned unloaded_ = 0;
  unsigned without_access_ = 0;
};

}  // namespace

void unload_often(Module& module, const CallsOptions& options, Report& report) {
  const char* name = "the module is unloaded when nobody needs it, and only then";
  if (options.module.empty()) return report.skipped(name, "no --module");
  FailNth::prepare();
  Unloads unloads(module, options);
  std::string why;
  unsigned rounds = 0;
  timespec start{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    Random random(options.seed + rounds);
    why = unloads.round(random);
    if (!why.empty()) why = "seed " + std::to_string(options.seed + rounds) + ": " + why;
    rounds++;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (why.empty() && now.tv_sec - start.tv_sec < static_cast<time_t>(options.seconds / 4));
  std::printf("# %u rounds, %u times unloaded, %u looks at memory without access\n", rounds,
              unloads.unloaded(), unloads.without_access());
  report.settle(name, why);
}

}  // namespace rmfork::fuzz
