// SPDX-License-Identifier: GPL-2.0-only
//
// Memory that cannot be saved, or given back, as it was: pages that are bad, and those of a task
// that the kernel takes away.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "rmfork/test/kernel/harness.h"
#include "rmfork/test/kernel/memory-group.h"

using namespace kernel_test;

namespace {

constexpr std::size_t kPages = 32;
constexpr std::size_t kBad = 7;  // the page that is

// Has the kernel take a page of the calling process for bad memory. It may tell those who map it.
// False also where it cannot take the page out.
bool make_bad(void* page) {
  signal(SIGBUS, [](int) {});
  const bool ok = madvise(page, kPage, MADV_HWPOISON) == 0;
  signal(SIGBUS, SIG_DFL);
  return ok;
}

// Whether a page of the calling process can be said to be bad: asked of one that nobody needs.
void need_poison() {
  void* at = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  fill(static_cast<char*>(at), 1, 1);  // or it would be the page of zeros, which everybody needs
  const bool possible = make_bad(at);
  munmap(at, kPage);
  if (!possible) throw Skipped{"no MADV_HWPOISON on this kernel"};
}

// A traced task that stands at its end, which nobody can kill once more.
class AtItsEnd {
 public:
  explicit AtItsEnd(pid_t pid) : pid_(pid) {}
  ~AtItsEnd() { ptrace(PTRACE_CONT, pid_, 0, 0); }
  AtItsEnd(const AtItsEnd&) = delete;
  AtItsEnd& operator=(const AtItsEnd&) = delete;

 private:
  pid_t pid_;
};

// Resident pages of a task, in KiB.
long resident(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  return 0;
}

}  // namespace

// The kernel has taken the page out, and left a mark.
KERNEL_TEST(a_bad_page_of_a_task_is_refused_by_a_dump) {
  need_poison();
  Child task([](Child::Turn& turn) {
    fill(map_region(kPages), kPages, 70);
    turn.sync();
    CHECK(make_bad(kRegion + kBad * kPage));
    turn.sync();
    return holds(kRegion, kBad, 70);
  });
  task.wait_ready();
  { Snapshot whole(dump(task.pid(), {region(kPages)})); }
  task.next();
  CHECK_EQ(dump(task.pid(), {region(kPages)}), -EHWPOISON);
  // What is sound of it can be had.
  { Snapshot sound(dump(task.pid(), {region(kBad), region(kPages - kBad - 1, kBad + 1)})); }
  CHECK(task.finish());
}

// A part of a huge page that cannot be split, as somebody holds it, stays mapped, bad as it is.
KERNEL_TEST(a_bad_part_of_a_huge_page_is_refused_by_a_dump) {
  constexpr std::size_t kHuge = 512;
  need_poison();
  if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0)
    throw Skipped{"this kernel has no transparent huge pages"};
  Child task([](Child::Turn& turn) {
    map_region(kHuge);
    CHECK_EQ(madvise(kRegion, kHuge * kPage, MADV_HUGEPAGE), 0);
    fill(kRegion, kHuge, 71);
    int held[2];
    CHECK_EQ(pipe2(held, O_CLOEXEC), 0);
    const iovec first = region(1);
    CHECK_EQ(vmsplice(held[1], &first, 1, 0), static_cast<long>(kPage));
    turn.sync();
    make_bad(kRegion + kBad * kPage);
    turn.sync();
    return holds(kRegion, kBad, 71);
  });
  task.wait_ready();
  { Snapshot whole(dump(task.pid(), {region(kHuge)})); }
  task.next();
  CHECK_EQ(dump(task.pid(), {region(kHuge)}), -EHWPOISON);
  CHECK_EQ(dump(task.pid(), {region(1, kBad)}), -EHWPOISON);
  { Snapshot sound(dump(task.pid(), {region(kBad)})); }
  CHECK(task.finish());
}

// The kernel takes away what a task has whom it kills for want of memory, which looks as if there
// had never been anything. Whoever traces the task holds it in its last moments.
KERNEL_TEST(a_task_killed_for_want_of_memory_is_refused) {
  constexpr std::size_t kMany = 2048;
  MemoryGroup group;
  Child task([](Child::Turn& turn) {
    MemoryGroup::enter();
    fill(map_region(kMany), kMany, 72);
    turn.sync();
    MemoryGroup::set("memory.swap.max", "0");
    MemoryGroup::set("memory.max", "max");
    void* more =
        mmap(nullptr, kMany * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MemoryGroup::set("memory.max", std::to_string(MemoryGroup::usage() + (1 << 20)));
    fill(static_cast<char*>(more), kMany, 73);
    return false;
  });
  task.wait_ready();
  CHECK_EQ(ptrace(PTRACE_SEIZE, task.pid(), 0, PTRACE_O_TRACEEXIT), 0);
  { Snapshot whole(dump(task.pid(), {region(kMany)})); }
  CHECK(task.start());
  int status = 0;
  CHECK_EQ(waitpid(task.pid(), &status, 0), task.pid());
  CHECK(WIFSTOPPED(status) && status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8));
  const AtItsEnd held(task.pid());
  CHECK(MemoryGroup::events("oom_kill") > 0);
  const long all = static_cast<long>(kMany * kPage >> 10);
  for (int i = 0; i < 600 && resident(task.pid()) >= all; i++) usleep(100000);
  CHECK(resident(task.pid()) < all);
  CHECK_EQ(dump(task.pid(), {region(kMany)}), -ESRCH);
}
