// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/others.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include "rmfork/error.h"
#include "rmfork/test/fuzz/kernel/fail-nth.h"
#include "rmfork/test/fuzz/kernel/process.h"
#include "rmfork/test/fuzz/kernel/random.h"

namespace rmfork::fuzz {
namespace {

constexpr std::size_t kPages = 512;  // those of a huge page
constexpr std::uint64_t kContents = 78;
constexpr const char* kGroup = "/sys/fs/cgroup/rmfork-fuzz";
constexpr const char* kSplit = "/sys/kernel/debug/split_huge_pages";

bool write_text(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return ok;
}

std::uint64_t microseconds() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<std::uint64_t>(at.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(at.tv_nsec) / 1000;
}

bool arena_holds(std::size_t from = 0, std::size_t pages = kPages) {
  for (std::size_t i = from; i < from + pages; i++)
    if (!page_holds(kArena + i * kPage, i, kContents)) return false;
  return true;
}

// Each of these runs in a process of its own, again and again, and says whether all was right.
class Meetings {
 public:
  Meetings(const Module& module, std::uint64_t off) : module_(module), off_(off) {}

  bool reclaimed_while_settled(Random& random) {
    if (!write_text(std::string(kGroup) + "/cgroup.procs", std::to_string(getpid()))) return false;
    bool good = true;
    std::uint64_t took = 1000;  // microseconds, the last time
    for (int round = 0; good && round < 20; round++) {
      if (!restore_lazily()) return false;
      for (std::size_t i = 0; i < kPages; i += 2) poke(i, 1);
      // Reclaimed at once, and not only when nobody has touched it for long.
      madvise(kArena, kPages * kPage, MADV_COLD);
      std::atomic<bool> ready{false};
      std::thread reclaimer([&] {
        const std::uint64_t start = microseconds();
        ready = true;
        write_text(std::string(kGroup) + "/memory.reclaim", "256K");
        took = microseconds() - start;
      });
      // At any moment of it.
      const std::uint64_t delay = random.up_to(took + took / 8);
      while (!ready) sched_yield();
      const std::uint64_t until = microseconds() + delay;
      while (microseconds() < until) {
      }
      good = settle();
      reclaimer.join();
      for (std::size_t i = 0; i < kPages; i += 2) poke(i, -1);
      good = good && arena_holds();
    }
    return good;
  }

  bool given_up_while_touched(Random& random) {
    if (!restore_lazily()) return false;
    std::atomic<std::size_t> turn{0}, done{0};
    const unsigned spin_seed = static_cast<unsigned>(random.below(1000)) + 1;
    std::thread toucher([&] {
      unsigned value = spin_seed;
      for (std::size_t i = 1; i <= kPages; i++) {
        while (turn.load() < i) {
        }
        spin(value);
        (void)*static_cast<volatile char*>(kArena + (i - 1) * kPage);
        done.store(i);
      }
    });
    bool good = true;
    unsigned value = spin_seed + 1;
    for (std::size_t i = 1; i <= kPages; i++) {
      char* page = kArena + (i - 1) * kPage;
      turn.store(i);
      spin(value);
      madvise(page, kPage, MADV_DONTNEED);
      while (done.load() < i) {
      }
      good = good && *reinterpret_cast<volatile std::uint64_t*>(page) == 0;
    }
    toucher.join();
    return good;
  }

  // A parent and a sibling have a huge page, which is split.
  bool beside_a_huge_page(Random& random) {
    if (!map_arena(0, kPages)) return false;
    madvise(kArena, kPages * kPage, MADV_HUGEPAGE);
    for (std::size_t i = 0; i < kPages; i++) fill_page(kArena + i * kPage, i, kContents);
    const std::size_t from = random.below(kPages / 2), pages = random.up_to(kPages / 2);
    const bool in_child = random.one_in(2);
    return in_child ? beside_a_parent(from, pages) : beside_itself(from, pages);
  }

  // Which allocation fails is drawn; what the child has is all of it, or no access.
  bool forked_without_memory(Random& random) {
    if (!restore_lazily()) return false;
    FailNth fail;
    for (int round = 0; round < 30; round++) {
      fail.arm(static_cast<unsigned>(random.up_to(300)));
      const pid_t pid = fork();
      if (pid == 0) _exit(look_at_arena());
      fail.disarm();
      int status = 0;
      if (pid < 0) continue;
      if (waitpid(pid, &status, 0) != pid || status != 0) return false;
    }
    return arena_holds();
  }

 private:
  static void spin(unsigned& value) {
    value = value * 1103515245 + 12345;
    for (unsigned n = value >> 16 & 511; n != 0; n--) asm volatile("");
  }
  static void poke(std::size_t page, int by) {
    volatile char* at = kArena + page * kPage;
    *at = static_cast<char>(*at + by);
  }
  bool restore_lazily(std::size_t from = 0, std::size_t pages = kPages) {
    if (pages == kPages && !map_arena(0, kPages)) return false;
    return module_.restore(RMFORK_OP_RESTORE_LAZY, 0, off_, {arena_range(from, pages)}) == 0;
  }
  bool settle() {
    return module_.issue(
               {.rmfork_opt = RMFORK_OP_SETTLE, .pid = static_cast<std::uint64_t>(getpid())}) == 0;
  }

  static void split_own() {
    char text[64];
    const auto start = reinterpret_cast<unsigned long>(kArena);
    std::snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(), start, start + kHugeBytes);
    write_text(kSplit, text);
    write_text("/proc/sys/vm/drop_caches", "2\n");
  }

  bool beside_itself(std::size_t from, std::size_t pages) {
    madvise(kArena + from * kPage, pages * kPage, MADV_DONTNEED);
    if (!restore_lazily(from, pages)) return false;
    split_own();
    return arena_holds();
  }

  bool beside_a_parent(std::size_t from, std::size_t pages) {
    int ready[2], go[2];
    char byte = 'g';
    if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(go, O_CLOEXEC) != 0) return false;
    const pid_t child = fork_mortal();
    if (child == 0) {
      madvise(kArena, kPages * kPage, MADV_DONTNEED);
      if (!restore_lazily(from, pages)) _exit(1);
      if (write(ready[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1) _exit(1);
      _exit(arena_holds(from, pages) ? 0 : 1);
    }
    const bool there = read(ready[0], &byte, 1) == 1;
    const pid_t sibling = fork_mortal();
    if (sibling == 0)
      for (;;) pause();
    split_own();
    int status = 1;
    const bool told = write(go[1], &byte, 1) == 1;
    waitpid(child, &status, 0);
    end_child(sibling);
    for (int fd : {ready[0], ready[1], go[0], go[1]}) close(fd);
    return there && told && status == 0 && arena_holds();
  }

  // Asked of the kernel, which answers EFAULT where a touch would be a signal.
  static int look_at_arena() {
    std::size_t readable = 0, right = 0;
    static char copy[kPage];
    for (std::size_t i = 0; i < kPages; i++) {
      const iovec to = {copy, kPage}, from = {kArena + i * kPage, kPage};
      if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != static_cast<ssize_t>(kPage)) continue;
      readable++;
      right += page_holds(copy, i, kContents);
    }
    if (readable == kPages) return right == kPages ? 0 : 1;
    if (readable != 0) return 1;
    // Without operations of a module that may go: nobody can have access to it any more.
    return mprotect(kArena, kPages * kPage, PROT_READ) == 0 ? 1 : 0;
  }

  const Module& module_;
  std::uint64_t off_;
};

using Meeting = bool (Meetings::*)(Random& random);

// Until the time is over, or it goes wrong.
std::string repeat(Meetings& meetings, Meeting meeting, std::uint64_t seed, unsigned seconds) {
  timespec start{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &start);
  unsigned rounds = 0;
  do {
    const pid_t pid = fork_mortal();
    if (pid == 0) {
      Random random(seed + rounds);
      _exit((meetings.*meeting)(random) ? 0 : 1);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
      return "seed " + std::to_string(seed + rounds) + ": status " + std::to_string(status);
    rounds++;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - start.tv_sec < static_cast<time_t>(seconds));
  std::printf("# %u rounds\n", rounds);
  return {};
}

std::uint64_t save_arena(const Module& module) {
  std::uint64_t off = 0;
  if (!map_arena(0, kPages)) throw Error("mapping the arena");
  for (std::size_t i = 0; i < kPages; i++) fill_page(kArena + i * kPage, i, kContents);
  const long ret = module.dump(getpid(), {arena_range(0, kPages)}, &off);
  munmap(kArena, kPages * kPage);
  if (ret != 0) throw Error("dumping for a test", static_cast<int>(-ret));
  return off;
}

}  // namespace

void meet_others(const Module& module, const CallsOptions& options, Report& report) {
  if (!module.has(RMFORK_FEAT_LAZY)) return report.skipped("others", "no lazy restore");
  const rmfork_query pool = module.query();
  const std::uint64_t off = save_arena(module);
  Meetings meetings(module, off);
  write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
  mkdir(kGroup, 0755);
  const bool reclaims = access((std::string(kGroup) + "/memory.reclaim").c_str(), W_OK) == 0;
  const struct {
    const char* name;
    Meeting meeting;
    bool possible;
  } all[] = {
      {"lazy memory is reclaimed while it is settled", &Meetings::reclaimed_while_settled,
       reclaims},
      {"lazy memory is given up while it is touched", &Meetings::given_up_while_touched, true},
      {"a huge page beside lazy memory is split", &Meetings::beside_a_huge_page,
       access(kSplit, W_OK) == 0},
      {"a fork of lazy memory fails here and there", &Meetings::forked_without_memory,
       FailNth::prepare()},
  };
  for (const auto& each : all) {
    if (!each.possible)
      report.skipped(each.name, "this kernel cannot");
    else
      report.settle(each.name,
                    repeat(meetings, each.meeting, options.seed, (options.seconds + 3) / 4));
  }
  for (int i = 0; i < 100 && rmdir(kGroup) != 0; i++) usleep(20000);
  module.on_snapshot(RMFORK_OP_FREE, off);
  report.settle("nothing is left of meetings with others", pool_differs(module, pool));
}

}  // namespace rmfork::fuzz
