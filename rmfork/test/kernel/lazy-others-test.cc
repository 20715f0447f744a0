// SPDX-License-Identifier: GPL-2.0-only
//
// RESTORE_LAZY while others are at work: whoever splits huge pages, gives up the same memory,
// reclaims it, or has no memory for a fork.
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "rmfork/test/kernel/harness.h"
#include "rmfork/test/kernel/memory-group.h"
#include "rmfork/test/kernel/swap.h"

using namespace kernel_test;

namespace {

constexpr std::size_t kHuge = 512;  // pages of a huge page

long restore_lazily(std::uint64_t off, const std::vector<iovec>& ranges = {}) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_RESTORE_LAZY;
  kargs.pa = off;
  if (!ranges.empty()) kargs.iovs = reinterpret_cast<std::uintptr_t>(ranges.data());
  kargs.nr_iovs = ranges.size();
  return issue(kargs);
}

long settle(pid_t pid) {
  return issue({RMFORK_OP_SETTLE, static_cast<__u64>(pid), 0, 0, 0, 0});
}

// Asked before there is a child, which cannot skip a test.
void need_huge_pages() {
  if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0)
    throw Skipped{"this kernel has no transparent huge pages"};
}

// The region as one huge page, filled.
char* map_huge(unsigned seed) {
  map_region(kHuge);
  CHECK_EQ(madvise(kRegion, kHuge * kPage, MADV_HUGEPAGE), 0);
  fill(kRegion, kHuge, seed);
  std::ifstream smaps("/proc/self/smaps");
  for (std::string line; std::getline(smaps, line);)
    if (line == "AnonHugePages:      2048 kB") return kRegion;
  fail(__FILE__, __LINE__, "a huge page is to be had", "");
}

// Has the kernel split the huge pages of which a part was given up.
void run_shrinkers() {
  CHECK(write_file("/proc/sys/vm/drop_caches", "2\n"));
}

bool part_holds(unsigned seed) {
  return holds(kRegion + 64 * kPage, 64, seed, 64);
}

}  // namespace

LAZY_KERNEL_TEST(a_huge_page_beside_lazy_memory_is_split) {
  need_huge_pages();
  Child task([](Child::Turn&) {
    map_huge(30);
    Snapshot s(dump(getpid(), {region(64, 64)}));
    CHECK_EQ(madvise(kRegion + 64 * kPage, 64 * kPage, MADV_DONTNEED), 0);
    CHECK_EQ(restore_lazily(s.off, {region(64, 64)}), 0);
    run_shrinkers();
    CHECK(part_holds(30));
    return holds(kRegion, kHuge, 30) && munmap(kRegion, kHuge * kPage) == 0;
  });
  CHECK(task.finish());
}

static constexpr const char* kSplit = "/sys/kernel/debug/split_huge_pages";

static void need_split_file() {
  if (access(kSplit, W_OK) != 0) mount("debugfs", "/sys/kernel/debug", "debugfs", 0, nullptr);
  if (access(kSplit, W_OK) != 0) throw Skipped{"no split_huge_pages in debugfs"};
}

// Of the calling process, in the region, as memory pressure would.
static void split_huge_pages() {
  char text[64];
  const auto start = reinterpret_cast<unsigned long>(kRegion);
  snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(), start, start + kHuge * kPage);
  CHECK(write_file(kSplit, text));
}

// Also one of the same family that still has the huge page: he is asked after the one who is lazy.
LAZY_KERNEL_TEST(a_huge_page_of_the_parent_is_split) {
  need_huge_pages();
  need_split_file();
  Child parent([](Child::Turn&) {
    map_huge(31);
    Snapshot s(dump(getpid(), {region(64, 64)}));
    Child child([&](Child::Turn& turn) {
      CHECK_EQ(madvise(kRegion, kHuge * kPage, MADV_DONTNEED), 0);
      CHECK_EQ(restore_lazily(s.off, {region(64, 64)}), 0);
      turn.sync();
      return part_holds(31);
    });
    child.wait_ready();
    Child sibling([](Child::Turn& turn) {
      turn.sync();
      return holds(kRegion, kHuge, 31);
    });
    sibling.wait_ready();
    split_huge_pages();
    CHECK(child.finish());
    CHECK(sibling.finish());
    return munmap(kRegion, kHuge * kPage) == 0;
  });
  CHECK(parent.finish());
}

// What was moved away is ordinary memory, where there are huge pages, and has the same anon_vma.
LAZY_KERNEL_TEST(a_huge_page_where_lazy_memory_was_moved_to_is_split) {
  need_huge_pages();
  Patterned source(3 * kHuge, 32);
  Snapshot s(dump(source.child.pid(), {region(3 * kHuge)}));
  Child task([&](Child::Turn&) {
    map_region(3 * kHuge);
    CHECK_EQ(restore_lazily(s.off), 0);
    // To where a huge page can be, from where none could; what it leaves reads as zeros.
    constexpr std::size_t kFrom = 300;
    constexpr int kDontUnmap = 4;  // MREMAP_DONTUNMAP, Linux 5.7
    constexpr int kCollapse = 25;  // MADV_COLLAPSE, Linux 6.1
    char* const place = kRegion + 8 * kHuge * kPage;
    CHECK(mremap(kRegion + kFrom * kPage, kHuge * kPage, kHuge * kPage,
                 MREMAP_MAYMOVE | MREMAP_FIXED | kDontUnmap, place) == place);
    CHECK_EQ(madvise(place, kHuge * kPage, MADV_HUGEPAGE), 0);
    for (std::size_t i = 0; i < kHuge; i++) place[i * kPage + 8]++;
    CHECK_EQ(madvise(place, kHuge * kPage, kCollapse), 0);
    CHECK_EQ(madvise(place + kPage, kPage, MADV_DONTNEED), 0);
    run_shrinkers();
    for (std::size_t i = 0; i < kHuge * kPage; i++) CHECK_EQ(kRegion[kFrom * kPage + i], 0);
    CHECK(holds(kRegion, kFrom, 32));
    CHECK(holds(kRegion + (kFrom + kHuge) * kPage, 3 * kHuge - kFrom - kHuge, 32, kFrom + kHuge));
    CHECK_EQ(munmap(place, kHuge * kPage), 0);
    return munmap(kRegion, 3 * kHuge * kPage) == 0;
  });
  CHECK(task.finish());
}

// One touches a page, the other gives it up at about the same time: afterwards it reads as zeros.
// How long the way to the page's contents takes depends on the machine: at times the other waits
// for long.
LAZY_KERNEL_TEST(lazy_pages_given_up_while_they_are_touched_read_as_zeros) {
  constexpr std::size_t kPages = 1024;
  Patterned source(kPages, 33);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  for (int round = 0; round < 2; round++) {
    Child task([&](Child::Turn&) {
      map_region(kPages);
      CHECK_EQ(restore_lazily(s.off), 0);
      std::atomic<std::size_t> turn{0}, done{0};
      auto spin = [](unsigned n) {
        while (n-- != 0) asm volatile("");
      };
      std::thread toucher([&] {
        unsigned random = 7;
        for (std::size_t i = 1; i <= kPages; i++) {
          while (turn.load() < i) {
          }
          random = random * 1103515245 + 12345;
          spin((random >> 16) % 400);
          volatile char* page = kRegion + (i - 1) * kPage;
          (void)page[0];
          done.store(i);
        }
      });
      std::size_t stale = 0;
      unsigned random = static_cast<unsigned>(round) + 1;
      for (std::size_t i = 1; i <= kPages; i++) {
        char* page = kRegion + (i - 1) * kPage;
        turn.store(i);
        random = random * 1103515245 + 12345;
        spin((random >> 16) % (400U << i % 8));
        if (madvise(page, kPage, MADV_DONTNEED) != 0) return false;
        while (done.load() < i) {
        }
        stale += *reinterpret_cast<volatile std::uint64_t*>(page) != 0;
      }
      toucher.join();
      CHECK_EQ(stale, 0);
      return true;
    });
    CHECK(task.finish());
  }
}

// Lazy memory that is written, then reclaimed while it is settled.
LAZY_KERNEL_TEST(lazy_memory_is_reclaimed_while_it_is_settled) {
  constexpr std::size_t kPages = 512;
  constexpr int kRounds = 20;
  Patterned source(kPages, 34);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  MemoryGroup group;
  Child task([&](Child::Turn&) {
    MemoryGroup::enter();
    std::atomic<int> turn{0}, done{0};
    std::thread reclaimer([&] {
      for (int i = 1; i <= kRounds; i++) {
        while (turn.load() < i) sched_yield();
        MemoryGroup::set("memory.reclaim", "256K");
        done.store(i);
      }
    });
    bool good = true;
    for (int i = 1; i <= kRounds; i++) {
      map_region(kPages);
      CHECK_EQ(restore_lazily(s.off), 0);
      for (std::size_t page = 0; page < kPages; page += 2) kRegion[page * kPage + 8] ^= 1;
      turn.store(i);
      usleep(static_cast<useconds_t>(i * 37 % 400));
      CHECK_EQ(settle(getpid()), 0);
      while (done.load() < i) sched_yield();
      for (std::size_t page = 0; page < kPages; page += 2) kRegion[page * kPage + 8] ^= 1;
      good = good && holds(kRegion, kPages, 34);
      CHECK_EQ(munmap(kRegion, kPages * kPage), 0);
    }
    reclaimer.join();
    return good;
  });
  CHECK(task.finish());
}

namespace {

constexpr std::size_t kTables = 256;                          // page tables that a fork has to fill
constexpr std::size_t kTableBytes = 512 * kPage;              // what each maps
char* const kMapping = reinterpret_cast<char*>(0x100000000);  // whose tables they are

void map_tables() {
  void* at = mmap(kMapping, kTables * kTableBytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  CHECK(at == kMapping);
  CHECK_EQ(madvise(at, kTables * kTableBytes, MADV_NOHUGEPAGE), 0);
}

enum Outcome { kWhole, kNoAccess, kBroken, kNoFork };

// In the child of a fork: what has become of its mapping.
[[noreturn]] void look_at_mapping() {
  std::ifstream maps("/proc/self/maps");
  char wanted[32];
  snprintf(wanted, sizeof(wanted), "%lx-", reinterpret_cast<unsigned long>(kMapping));
  bool access = true;
  for (std::string line; std::getline(maps, line);)
    if (line.starts_with(wanted)) access = line.find(" ---p ") == std::string::npos;
  signal(SIGBUS, [](int) { _exit(kBroken); });
  if (access)
    signal(SIGSEGV, [](int) { _exit(kBroken); });
  else
    signal(SIGSEGV, [](int) { _exit(kNoAccess); });
  bool whole = access;
  for (std::size_t i = 0; i < kTables; i++)
    whole = whole && *reinterpret_cast<volatile std::size_t*>(kMapping + i * kTableBytes) == i + 1;
  if (!access) *reinterpret_cast<volatile std::size_t*>(kMapping) = 1;
  _exit(whole ? kWhole : kBroken);
}

// Forks once: only the first fork of a restored task has lazy memory.
Outcome fork_lazy_task(std::uint64_t off, Child::Turn& turn) {
  MemoryGroup::enter();
  CHECK(write_file("/proc/self/oom_score_adj", "-1000"));
  map_tables();
  CHECK_EQ(restore_lazily(off), 0);
  turn.sync();
  const pid_t pid = fork();
  if (pid == 0) look_at_mapping();
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return kNoFork;
  return WIFEXITED(status) ? static_cast<Outcome>(WEXITSTATUS(status)) : kBroken;
}

}  // namespace

// The page tables that it takes cannot be had, and there is nobody whom the kernel might kill for
// them.
LAZY_KERNEL_TEST(a_child_that_cannot_be_filled_has_no_access) {
  Child source([](Child::Turn& turn) {
    map_tables();
    for (std::size_t i = 0; i < kTables; i++)
      *reinterpret_cast<std::size_t*>(kMapping + i * kTableBytes) = i + 1;
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {{kMapping, kTables * kTableBytes}}));
  CHECK(source.finish());
  auto* outcome = static_cast<volatile Outcome*>(
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  MemoryGroup group;
  *outcome = kNoFork;
  for (int i = 0; i < 100 && (*outcome == kNoFork || *outcome == kWhole); i++) {
    Child task([&](Child::Turn& turn) {
      *outcome = fork_lazy_task(s.off, turn);
      turn.sync();
      return true;
    });
    task.wait_ready();
    // More than a fork takes by itself and less than the page tables do. Where something else of
    // the fork fails, or the limit is met by chance, there is no child to look at.
    const long before = MemoryGroup::events("oom");
    CHECK(MemoryGroup::set("memory.max", std::to_string(MemoryGroup::usage() + (400 << 10))));
    std::atomic<bool> over{false};
    // As soon as it has failed: what the fork and the child do next takes memory as well.
    std::thread raiser([&] {
      while (!over.load() && MemoryGroup::events("oom") == before) usleep(1000);
      MemoryGroup::set("memory.max", "max");
    });
    task.next();
    over.store(true);
    raiser.join();
    CHECK(task.finish());
  }
  CHECK_EQ(*outcome, kNoAccess);
  munmap(const_cast<Outcome*>(outcome), kPage);
}

// Out of memory, back in while a child has them as well, and out again: who takes out such a page
// asks all of the family. Whether that was done.
static bool swap_as_a_family(std::size_t pages, unsigned seed) {
  madvise(kRegion, pages * kPage, MADV_PAGEOUT);
  // They are kept until they have been written: as long as that takes, they are what they were.
  for (int i = 0; i < 20; i++) {
    MemoryGroup::set("memory.reclaim", "1M");
    usleep(10'000);
  }
  Child child([](Child::Turn& turn) {
    turn.sync();
    return true;
  });
  child.wait_ready();
  CHECK(holds(kRegion, pages, seed));
  madvise(kRegion, pages * kPage, MADV_PAGEOUT);
  const bool is_out = swapped(kRegion);
  CHECK(child.finish());
  return is_out;
}

// What a child has written in place of pages that its parent has not touched yet is the child's
// alone, and so is what becomes of it.
LAZY_KERNEL_TEST(what_a_child_has_swapped_out_is_not_given_up) {
  constexpr std::size_t kPages = 64;
  SwapFile swap;
  MemoryGroup group;
  auto* out = static_cast<volatile bool*>(
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  Patterned source(kPages, 70);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  Child clone([&](Child::Turn&) {
    MemoryGroup::enter();
    map_region(kPages);
    CHECK_EQ(restore_lazily(s.off), 0);
    Child child([&](Child::Turn& turn) {
      fill(kRegion, kPages, 71);
      *out = swap_as_a_family(kPages, 71);
      turn.sync();
      return holds(kRegion, kPages, 71);
    });
    child.wait_ready();
    CHECK(holds(kRegion, kPages, 70));
    return child.finish();
  });
  CHECK(clone.finish());
  const bool was_out = *out;
  munmap(const_cast<bool*>(out), kPage);
  if (!was_out) throw Skipped{"no swap here"};
}
