// SPDX-License-Identifier: GPL-2.0-only
//
// RESTORE_LAZY: pages that go in when they are touched, and everything that can happen before.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "rmfork/test/kernel/harness.h"

using namespace kernel_test;

namespace {

constexpr std::size_t kPages = 64;

long restore_lazily(std::uint64_t off, const std::vector<iovec>& ranges = {}) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_RESTORE_LAZY;
  kargs.pa = off;
  if (!ranges.empty()) kargs.iovs = reinterpret_cast<std::uintptr_t>(ranges.data());
  kargs.nr_iovs = ranges.size();
  return issue(kargs);
}

long settle(pid_t pid) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_SETTLE;
  kargs.pid = static_cast<std::uint64_t>(pid);
  return issue(kargs);
}

std::uint64_t mapped_pages(std::uint64_t off) {
  rmfork_info i = {};
  CHECK_EQ(info(off, &i), 0);
  return i.mapped_pages;
}

bool all_zero(const char* at, std::size_t pages = 1) {
  return std::all_of(at, at + pages * kPage, [](char c) { return c == 0; });
}

char* page_at(std::size_t i) {
  return kRegion + i * kPage;
}

// Whether page `i` of kRegion is as fill() of the whole region by `seed` made it.
bool original(std::size_t i, unsigned seed) {
  std::vector<char> wanted((i + 1) * kPage);
  fill(wanted.data(), i + 1, seed);
  return std::equal(page_at(i), page_at(i + 1), wanted.data() + i * kPage);
}

// The snapshot of kPages patterned pages, and a process that has been restored to lazily and runs
// `body`, of which it returns the result.
template <typename Body>
void in_a_lazy_clone(unsigned seed, Body body) {
  Patterned source(kPages, seed);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  Child clone([&](Child::Turn&) {
    map_region(kPages);
    CHECK_EQ(restore_lazily(s.off), 0);
    CHECK_EQ(mapped_pages(s.off), 0);
    body(s.off);
    return true;
  });
  CHECK(clone.finish());
}

// Runs `body` in a child of the calling process.
template <typename Body>
bool in_fork(Body body) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    bool ok = false;
    try {
      ok = body();
    } catch (const Failure&) {
    }
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  return status == 0;
}

}  // namespace

LAZY_KERNEL_TEST(lazy_pages_come_when_they_are_touched) {
  in_a_lazy_clone(60, [](std::uint64_t off) {
    CHECK(original(5, 60));
    CHECK_EQ(mapped_pages(off), 1);
    CHECK(original(63, 60));
    CHECK_EQ(mapped_pages(off), 2);
    CHECK(holds(kRegion, kPages, 60));
    CHECK_EQ(mapped_pages(off), kPages - kCopied);
  });
}

LAZY_KERNEL_TEST(lazy_pages_written_first_do_not_reach_the_snapshot) {
  Patterned source(kPages, 61);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  for (int round = 0; round < 2; round++) {
    Child clone([&](Child::Turn&) {
      map_region(kPages);
      CHECK_EQ(restore_lazily(s.off), 0);
      for (std::size_t i = 0; i < kPages; i += 2) page_at(i)[7] ^= 1;
      for (std::size_t i = 0; i < kPages; i += 2) page_at(i)[7] ^= 1;
      CHECK(holds(kRegion, kPages, 61));
      fill(kRegion, kPages, 62);
      return holds(kRegion, kPages, 62);
    });
    CHECK(clone.finish());
  }
  CHECK(restores_to(s.off, kPages, 61));
}

LAZY_KERNEL_TEST(what_was_not_stored_reads_as_zeros) {
  Patterned source(kPages, 63);
  Snapshot s(dump(source.child.pid(), {region(8, 4), region(8, 30)}));
  Child clone([&](Child::Turn&) {
    map_region(kPages);
    CHECK_EQ(restore_lazily(s.off), 0);
    CHECK(all_zero(page_at(0), 4));
    CHECK(all_zero(page_at(12), 18));
    CHECK(original(11, 63));
    page_at(13)[0] = 1;  // read before
    page_at(50)[0] = 1;  // not touched before
    CHECK(page_at(13)[0] == 1 && all_zero(page_at(14)));
    CHECK(page_at(50)[0] == 1 && page_at(50)[1] == 0);
    return original(30, 63);
  });
  CHECK(clone.finish());
}

LAZY_KERNEL_TEST(only_the_ranges_asked_for_are_lazy) {
  Patterned source(kPages, 64);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  Child clone([&](Child::Turn&) {
    map_region(kPages);
    CHECK_EQ(restore_lazily(s.off, {region(4, 8), region(4, 40)}), 0);
    CHECK(all_zero(page_at(0), 8));
    CHECK(all_zero(page_at(12), 28));
    return original(8, 64) && original(11, 64) && original(43, 64) && all_zero(page_at(44), 20);
  });
  CHECK(clone.finish());
}

LAZY_KERNEL_TEST(lazy_pages_given_up_read_as_zeros) {
  in_a_lazy_clone(65, [](std::uint64_t) {
    CHECK(original(1, 65));
    page_at(2)[0]++;
    // One that was read, one that was written, and two nobody touched.
    CHECK_EQ(madvise(page_at(1), 4 * kPage, MADV_DONTNEED), 0);
    CHECK(all_zero(page_at(1), 4));
    page_at(3)[5] = 5;
    CHECK(page_at(3)[5] == 5 && page_at(3)[6] == 0);
    CHECK(original(0, 65) && original(5, 65));
  });
}

LAZY_KERNEL_TEST(a_child_inherits_lazy_memory) {
  in_a_lazy_clone(66, [](std::uint64_t) {
    CHECK(original(1, 66));
    page_at(2)[0]++;
    CHECK_EQ(madvise(page_at(3), kPage, MADV_DONTNEED), 0);
    CHECK_EQ(madvise(page_at(60), 2 * kPage, MADV_WIPEONFORK), 0);
    CHECK(in_fork([] {
      CHECK(original(0, 66) && original(1, 66) && original(63, 66));
      CHECK(page_at(2)[1] != 0 && !original(2, 66));
      CHECK(all_zero(page_at(3)) && all_zero(page_at(60), 2));
      // It is the child's own to give up, and to hand on.
      CHECK_EQ(madvise(page_at(10), kPage, MADV_DONTNEED), 0);
      page_at(11)[0]++;
      CHECK(in_fork([] { return all_zero(page_at(10)) && !original(11, 66) && original(12, 66); }));
      return all_zero(page_at(10));
    }));
    page_at(2)[0]--;
    CHECK(original(2, 66) && original(10, 66) && original(11, 66) && original(60, 66));
  });
}

LAZY_KERNEL_TEST(lazy_memory_survives_being_split) {
  // At least one whole table of the kernel's: that is what it looks at when it splits a mapping.
  constexpr std::size_t kMany = 2048;
  Patterned source(kMany, 73);
  Snapshot s(dump(source.child.pid(), {region(kMany)}));
  Child clone([&](Child::Turn&) {
    map_region(kMany);
    CHECK_EQ(restore_lazily(s.off), 0);
    CHECK(original(700, 73));
    CHECK_EQ(mprotect(page_at(600), kPage, PROT_READ), 0);
    CHECK_EQ(munmap(page_at(1100), kPage), 0);
    CHECK_EQ(madvise(page_at(1536), 256 * kPage, MADV_DONTDUMP), 0);
    // Given up in earnest, all of a table.
    CHECK_EQ(madvise(page_at(512), 512 * kPage, MADV_DONTNEED), 0);
    CHECK(holds(kRegion, 512, 73));
    CHECK(all_zero(page_at(512), 512));
    CHECK(original(1099, 73) && original(1101, 73) && original(1535, 73));
    return original(1536, 73) && original(1792, 73) && original(kMany - 1, 73);
  });
  CHECK(clone.finish());
}

LAZY_KERNEL_TEST(lazy_memory_that_grows_takes_nothing_from_its_neighbour) {
  Patterned source(kPages, 74);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  Child clone([&](Child::Turn&) {
    map_region(kPages);
    CHECK_EQ(madvise(page_at(32), 32 * kPage, MADV_DONTDUMP), 0);  // two mappings
    CHECK_EQ(restore_lazily(s.off), 0);
    char* to = page_at(1024);
    CHECK(mremap(kRegion, 32 * kPage, 48 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    CHECK(all_zero(to + 32 * kPage, 16));
    return holds(to, 32, 74) && original(32, 74) && original(47, 74);
  });
  CHECK(clone.finish());
}

LAZY_KERNEL_TEST(lazy_memory_that_grows_finds_nothing_of_what_was_there) {
  Patterned source(kPages, 75);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  Child clone([&](Child::Turn&) {
    map_region(kPages);
    CHECK_EQ(madvise(page_at(32), 32 * kPage, MADV_DONTDUMP), 0);
    CHECK_EQ(restore_lazily(s.off, {region(48)}), 0);
    CHECK_EQ(munmap(page_at(32), 32 * kPage), 0);
    CHECK(mremap(kRegion, 32 * kPage, kPages * kPage, 0) == kRegion);
    CHECK(all_zero(page_at(32), 32));
    return holds(kRegion, 32, 75);
  });
  CHECK(clone.finish());
}

LAZY_KERNEL_TEST(lazy_memory_moves) {
  in_a_lazy_clone(67, [](std::uint64_t) {
    CHECK(original(20, 67));
    page_at(21)[0]++;
    CHECK_EQ(madvise(page_at(22), kPage, MADV_DONTNEED), 0);
    std::vector<char> wanted(kPages * kPage);
    fill(wanted.data(), kPages, 67);
    // From the middle: what stays is in two pieces.
    char* to = kRegion + 1024 * kPage;
    CHECK(mremap(page_at(16), 16 * kPage, 16 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    to[5 * kPage]--;
    CHECK(all_zero(to + 6 * kPage));
    std::copy_n(wanted.data() + 22 * kPage, kPage, to + 6 * kPage);
    CHECK(std::equal(to, to + 16 * kPage, wanted.data() + 16 * kPage));
    CHECK(original(15, 67) && original(32, 67) && original(63, 67));
  });
}

LAZY_KERNEL_TEST(lazy_memory_moves_and_leaves_zeros) {
  in_a_lazy_clone(68, [](std::uint64_t) {
    CHECK(original(3, 68));
    char* to = kRegion + 1024 * kPage;
    void* moved = mremap(kRegion, kPages * kPage, kPages * kPage,
                         MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
    CHECK(moved == to);
    CHECK(all_zero(kRegion, kPages));
    CHECK(holds(to, kPages, 68));
    kRegion[0] = 1;
    CHECK(holds(to, kPages, 68));
  });
}

LAZY_KERNEL_TEST(lazy_memory_grows_and_is_split) {
  in_a_lazy_clone(69, [](std::uint64_t) {
    CHECK(mremap(kRegion, kPages * kPage, 2 * kPages * kPage, 0) == kRegion);
    CHECK(all_zero(page_at(kPages), kPages));
    CHECK_EQ(mprotect(page_at(10), 4 * kPage, PROT_READ), 0);
    CHECK_EQ(munmap(page_at(20), 4 * kPage), 0);
    CHECK_EQ(madvise(page_at(30), 4 * kPage, MADV_DONTDUMP), 0);
    for (std::size_t i = 0; i < kPages; i++)
      if (i < 20 || i >= 24) CHECK(original(i, 69));
  });
}

LAZY_KERNEL_TEST(lazy_memory_that_was_written_may_be_swapped_out) {
  in_a_lazy_clone(70, [](std::uint64_t) {
    for (std::size_t i = 0; i < kPages; i += 2) page_at(i)[9] ^= 3;
    CHECK_EQ(madvise(kRegion, kPages * kPage, MADV_PAGEOUT), 0);
    for (std::size_t i = 0; i < kPages; i += 2) page_at(i)[9] ^= 3;
    CHECK(holds(kRegion, kPages, 70));
  });
}

LAZY_KERNEL_TEST(an_untouched_lazy_task_can_be_dumped) {
  Patterned source(kPages, 71);
  long off = dump(source.child.pid(), {region(kPages)});
  CHECK(off > 0);
  Child clone([&](Child::Turn& turn) {
    map_region(kPages);
    CHECK_EQ(restore_lazily(static_cast<std::uint64_t>(off)), 0);
    page_at(3)[0]++;
    CHECK_EQ(madvise(page_at(4), kPage, MADV_DONTNEED), 0);
    turn.sync();
    page_at(3)[0]--;
    return original(3, 71) && all_zero(page_at(4)) && original(50, 71);
  });
  clone.wait_ready();
  Snapshot again(dump(clone.pid(), {region(kPages)}));
  CHECK_EQ(free_snapshot(static_cast<std::uint64_t>(off)), 0);
  CHECK(clone.finish());
  Child target([&](Child::Turn&) {
    map_region(kPages);
    CHECK_EQ(restore(0, again.off), 0);
    page_at(3)[0]--;
    return original(0, 71) && original(3, 71) && all_zero(page_at(4)) && original(63, 71);
  });
  CHECK(target.finish());
}

LAZY_KERNEL_TEST(settling_puts_in_what_is_left) {
  Patterned source(kPages, 72);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  Child clone([&](Child::Turn& turn) {
    map_region(kPages);
    CHECK_EQ(restore_lazily(s.off), 0);
    page_at(1)[0]++;
    CHECK_EQ(madvise(page_at(2), kPage, MADV_DONTNEED), 0);
    turn.sync();
    // An ordinary mapping now: what is given up is noticed by nobody, and need not be.
    CHECK_EQ(madvise(page_at(5), kPage, MADV_DONTNEED), 0);
    CHECK_EQ(madvise(page_at(6), kPage, MADV_FREE), 0);
    page_at(1)[0]--;
    return original(1, 72) && all_zero(page_at(2)) && all_zero(page_at(5)) && original(63, 72);
  });
  clone.wait_ready();
  CHECK_EQ(settle(clone.pid()), 0);
  CHECK_EQ(mapped_pages(s.off), kPages - 2 - kCopied);
  CHECK_EQ(settle(clone.pid()), 0);
  CHECK(clone.finish());
  CHECK_EQ(settle(1 << 30), -ESRCH);
}

LAZY_KERNEL_TEST(a_lazy_snapshot_may_be_freed) {
  const rmfork_query before = query();
  Patterned source(kPages, 73);
  long off = dump(source.child.pid(), {region(kPages)});
  CHECK(off > 0);
  Child clone([&](Child::Turn& turn) {
    map_region(kPages);
    CHECK_EQ(restore_lazily(static_cast<std::uint64_t>(off)), 0);
    turn.sync();
    return holds(kRegion, kPages, 73);
  });
  clone.wait_ready();
  CHECK_EQ(free_snapshot(static_cast<std::uint64_t>(off)), 0);
  Patterned other(3 * kPages, 74);
  {
    Snapshot over(dump(other.child.pid(), {region(3 * kPages)}));
    CHECK(clone.finish());
  }
  // The last mapping is gone; what it held is given back a moment later.
  for (int i = 0; i < 100 && query().free_bytes != before.free_bytes; i++) usleep(20000);
  CHECK_EQ(query().free_bytes, before.free_bytes);
}

LAZY_KERNEL_TEST(a_second_restore_to_lazy_memory_is_refused) {
  in_a_lazy_clone(75, [](std::uint64_t off) {
    CHECK_EQ(restore_lazily(off), -EBUSY);
    CHECK_EQ(restore(0, off), -EBUSY);
    CHECK(holds(kRegion, kPages, 75));
  });
}

LAZY_KERNEL_TEST(many_lazy_clones_run_at_once) {
  Patterned source(kPages, 76);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  std::vector<std::unique_ptr<Child>> clones;
  for (unsigned n = 0; n < 8; n++)
    clones.push_back(std::make_unique<Child>([&, n](Child::Turn& turn) {
      map_region(kPages);
      CHECK_EQ(restore_lazily(s.off), 0);
      turn.sync();
      for (std::size_t i = n; i < kPages; i += 8) page_at(i)[0] = static_cast<char>(n);
      turn.sync();
      for (std::size_t i = 0; i < kPages; i++)
        if (i % 8 != n) CHECK(original(i, 76));
      return true;
    }));
  for (auto& clone : clones) clone->wait_ready();
  for (auto& clone : clones) clone->next();
  for (auto& clone : clones) CHECK(clone->finish());
  CHECK(restores_to(s.off, kPages, 76));
}

LAZY_KERNEL_TEST(unload_is_refused_while_memory_is_lazy) {
  Patterned source(4, 77);
  long off = dump(source.child.pid(), {region(4)});
  CHECK(off > 0);
  Child target([=](Child::Turn& turn) {
    map_region(4);
    CHECK_EQ(restore_lazily(static_cast<std::uint64_t>(off)), 0);
    close_device();
    turn.sync();
    return holds(kRegion, 4, 77);
  });
  source.child.kill();  // it holds the device too
  target.wait_ready();
  CHECK_EQ(free_snapshot(static_cast<std::uint64_t>(off)), 0);
  CHECK_EQ(try_unload(), -EWOULDBLOCK);
  CHECK(target.finish());
}
