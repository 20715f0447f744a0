// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/calls.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <vector>

#include "rmfork/test/fuzz/kernel/caller.h"
#include "rmfork/test/fuzz/kernel/fail-nth.h"
#include "rmfork/test/fuzz/kernel/process.h"
#include "rmfork/test/fuzz/kernel/random.h"
#include "rmfork/test/fuzz/kernel/round-trip.h"
#include "rmfork/test/fuzz/kernel/shared.h"

namespace rmfork::fuzz {
namespace {

constexpr useconds_t kTick = 100'000;
constexpr time_t kHangSeconds = 90;  // without a single call; the processor is emulated
constexpr time_t kEndSeconds = 90;

time_t now() {
  struct timespec ts {};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec;
}

std::string stack_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stack");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text.empty() ? "its kernel stack cannot be read" : "it is in " + text;
}

class Run {
 public:
  Run(const Module& module, const CallsOptions& options)
      : module_(module), shared_(*Shared::create()), random_(options.seed), jobs_(options.jobs) {
    // Targets outlive the job that made them for a moment: ours to wait for then.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }

  void go_on_for(unsigned seconds) {
    for (unsigned i = 0; i < jobs_.size(); i++) start(i);
    time_t end = now() + static_cast<time_t>(seconds);
    while (now() < end && hung_.empty()) {
      usleep(kTick);
      for (unsigned i = 0; i < jobs_.size(); i++) watch(i);
      while (reap()) {
      }
      if (random_.one_in(4)) kill(jobs_[random_.below(jobs_.size())].pid, SIGKILL);
      if (random_.one_in(20)) disturb();
    }
  }

  // Kills whatever is left. Empty, or what does not end.
  std::string end() {
    shared_.stop = true;
    time_t deadline = now() + kEndSeconds;
    for (Job& job : jobs_) kill(job.pid, SIGKILL);
    for (auto& target : shared_.targets)
      if (target > 0) kill(target, SIGKILL);
    while (now() < deadline) {
      pid_t pid = waitpid(-1, nullptr, WNOHANG);
      if (pid < 0 && errno == ECHILD) return {};
      if (pid == 0) usleep(kTick);
    }
    return "a process does not end; " + stack_of(jobs_[0].pid);
  }

  const std::string& hung() const { return hung_; }
  Shared& shared() { return shared_; }
  unsigned started() const { return started_; }
  unsigned crashed() const { return crashed_; }

 private:
  struct Job {
    pid_t pid = -1;
    std::uint64_t progress = 0;
    time_t since = 0;
  };

  void start(unsigned i) {
    std::uint64_t seed = random_.next();
    jobs_[i] = {fork_mortal(), shared_.progress[i], now()};
    if (jobs_[i].pid == 0) run_caller(module_, shared_, i, seed);
    started_++;
  }

  void watch(unsigned i) {
    Job& job = jobs_[i];
    if (shared_.progress[i] != job.progress) {
      job.progress = shared_.progress[i];
      job.since = now();
    } else if (now() - job.since > kHangSeconds) {
      hung_ = "job " + std::to_string(i) + " makes no calls any more; " + stack_of(job.pid);
    }
  }

  // One dead child: a job is started anew, a stranger's target is forgotten.
  bool reap() {
    int status = 0;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return false;
    for (unsigned i = 0; i < jobs_.size(); i++)
      if (jobs_[i].pid == pid) {
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) crashed_++;
        start(i);
      }
    return true;
  }

  // Pages move about, caches go.
  void disturb() {
    std::ofstream("/proc/sys/vm/compact_memory") << 1;
    if (random_.one_in(3)) std::ofstream("/proc/sys/vm/drop_caches") << 3;
  }

  const Module& module_;
  Shared& shared_;
  Random random_;
  std::vector<Job> jobs_;
  std::string hung_;
  unsigned started_ = 0;
  unsigned crashed_ = 0;
};

void print_results(const Module& module, Run& run) {
  Shared& shared = run.shared();
  for (const Operation& op : operations()) {
    if (!module.can(op)) continue;
    std::string line = std::string("#   ") + op.name + ":";
    for (std::size_t e = 0; e < kResults; e++)
      if (std::uint64_t n = shared.results[op.number][e])
        line +=
            " " + std::to_string(n) + " " + (e == 0 ? "done" : result_text(-static_cast<long>(e)));
    std::printf("%s\n", line.c_str());
  }
  std::printf(
      "# %llu round trips, %llu calls with a failed allocation, %u jobs, %u of them ended "
      "by themselves\n",
      static_cast<unsigned long long>(shared.round_trips),
      static_cast<unsigned long long>(shared.injected), run.started(), run.crashed());
}

std::string complaints(const Shared& shared) {
  std::string all;
  for (std::size_t i = 0; i < std::min<std::size_t>(shared.complaints, std::size(shared.complaint));
       i++)
    all += std::string(shared.complaint[i]) + "; ";
  if (shared.complaints > std::size(shared.complaint))
    all += "and " + std::to_string(shared.complaints - std::size(shared.complaint)) + " more";
  return all;
}

// So often an operation is tried without it ever being done only if it cannot be.
constexpr std::uint64_t kManyTries = 60;
constexpr std::uint64_t kManyDumps = 500;

// What is never done has not been tested. There is no guest to forget.
std::string never_done(const Module& module, const Shared& shared) {
  std::string names;
  for (const Operation& op : operations()) {
    if (!module.can(op) || op.number == RMFORK_OP_FORGET) continue;
    const auto& results = shared.results[op.number];
    const auto tries = std::accumulate(std::begin(results), std::end(results), std::uint64_t{0});
    if (results[0] == 0 && tries >= kManyTries) names += std::string(op.name) + " ";
  }
  if (shared.round_trips == 0 && shared.results[RMFORK_OP_DUMP][0] >= kManyDumps)
    names += "round trips";
  return names.empty() ? names : "never done: " + names;
}

}  // namespace

void check_contents(const Module& module, const CallsOptions& options, Report& report) {
  const rmfork_query before = module.query();
  Shared& shared = *Shared::create();
  Random random(options.seed);
  const time_t end = now() + static_cast<time_t>(options.seconds);
  // The first has the seed of the run, so that each can be had again alone.
  std::uint64_t seed = options.seed;
  for (;;) {
    round_trip(module, shared, seed);
    if (now() >= end || shared.complaints != 0) break;
    seed = random.next();
  }
  std::printf("# contents: %llu round trips\n",
              static_cast<unsigned long long>(shared.round_trips));
  std::string wrong = complaints(shared);
  if (!wrong.empty()) wrong = "--seed " + std::to_string(seed) + " --seconds 1: " + wrong;
  if (shared.round_trips == 0) wrong = "there were none";
  report.settle("contents: what is restored stays right, whatever is done with it", wrong);
  report.settle("contents: the pool is as it was", pool_differs(module, before));
}

void fuzz_calls(const Module& module, const CallsOptions& options, Report& report) {
  std::printf("# --seed %llu --seconds %u --jobs %u\n",
              static_cast<unsigned long long>(options.seed), options.seconds, options.jobs);
  std::fflush(stdout);
  FailNth::prepare();
  const rmfork_query before = module.query();
  Run run(module, options);
  run.go_on_for(options.seconds);
  std::string left = run.end();
  print_results(module, run);
  report.settle("calls: no job hangs", run.hung());
  report.settle("calls: all processes end", left);
  report.settle("calls: only documented answers, and the right contents", complaints(run.shared()));
  report.settle("calls: every operation was done", never_done(module, run.shared()));
  module.free_all();
  report.settle("calls: the pool is as it was", pool_differs(module, before));
}

}  // namespace rmfork::fuzz
