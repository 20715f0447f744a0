// SPDX-License-Identifier: GPL-2.0-only
//
// Failures that must leave nothing behind, and pages that outlive their snapshot.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "rmfork/test/kernel/harness.h"

using namespace kernel_test;

namespace {

bool nothing_present(std::size_t pages, std::size_t from = 0) {
  std::vector<std::uint64_t> entries(pages);
  int fd = open("/proc/self/pagemap", O_RDONLY);
  CHECK(fd >= 0);
  off_t pos =
      static_cast<off_t>(reinterpret_cast<std::uintptr_t>(kRegion + from * kPage) / kPage * 8);
  CHECK_EQ(pread(fd, entries.data(), pages * 8, pos), static_cast<long>(pages * 8));
  close(fd);
  for (std::uint64_t entry : entries)
    if (entry >> 63) return false;
  return true;
}

}  // namespace

KERNEL_TEST(freed_pages_stay_with_the_task_that_maps_them) {
  rmfork_query before = query();
  Patterned source(128, 1);
  long off = dump(source.child.pid(), {region(128)});
  CHECK(off > 0);
  Child target([=](Child::Turn& turn) {
    map_region(128);
    CHECK_EQ(restore(0, off), 0);
    turn.sync();
    return holds(kRegion, 128, 1);
  });
  target.wait_ready();
  CHECK_EQ(free_snapshot(off), 0);
  CHECK_EQ(restore(0, off), -ENOENT);
  rmfork_query during = query();
  CHECK_EQ(during.pending_bytes, (128 - kCopied) * kPage);
  CHECK_EQ(during.free_bytes, before.free_bytes - (128 - kCopied) * kPage);
  // New snapshots must not take them.
  Patterned other(256, 2);
  Snapshot s(dump(other.child.pid(), {region(256)}));
  CHECK(target.finish());
  rmfork_query after = query();
  CHECK_EQ(after.pending_bytes, 0);
}

KERNEL_TEST(a_pipe_that_holds_a_page_keeps_it) {
  Patterned source(2, 3);
  long off = dump(source.child.pid(), {region(2)});
  CHECK(off > 0);
  int p[2];
  CHECK_EQ(pipe(p), 0);
  Child target([&](Child::Turn&) {
    map_region(2);
    CHECK_EQ(restore(0, off), 0);
    iovec v = region(2);
    return vmsplice(p[1], &v, 1, 0) == static_cast<long>(2 * kPage);
  });
  CHECK(target.finish());
  CHECK_EQ(free_snapshot(off), 0);
  CHECK_EQ(query().pending_bytes, (2 - kCopied) * kPage);
  std::vector<char> pages(2 * kPage);
  CHECK_EQ(read(p[0], pages.data(), kPage), static_cast<long>(kPage));
  CHECK_EQ(read(p[0], pages.data() + kPage, kPage), static_cast<long>(kPage));
  CHECK(holds(pages.data(), 2, 3));
  close(p[0]);
  close(p[1]);
  CHECK_EQ(query().pending_bytes, 0);
}

KERNEL_TEST(a_full_pool_refuses_and_loses_nothing) {
  rmfork_query before = query();
  std::size_t pages = before.free_bytes / kPage;
  Patterned source(pages + 1, 4);
  CHECK_EQ(dump(source.child.pid(), {region(pages + 1)}), -ENOSPC);
  CHECK_EQ(query().free_bytes, before.free_bytes);
  // Exactly as much as there are pages: header and index do not fit.
  CHECK_EQ(dump(source.child.pid(), {region(pages)}), -ENOSPC);
  CHECK_EQ(query().free_bytes, before.free_bytes);
  Snapshot s(dump(source.child.pid(), {region(pages - 2)}));
  CHECK_EQ(query().free_bytes, 0);
  CHECK_EQ(dump(getpid()), -ENOSPC);
  CHECK(restores_to(s.off, pages - 2, 4));
}

// Holes everywhere: single pages, many index blocks.
KERNEL_TEST(a_fragmented_pool_is_used_to_the_full) {
  Patterned one(1, 5), many(400, 6);
  std::vector<long> offs;
  for (int i = 0; i < 300; i++) {
    offs.push_back(dump(one.child.pid(), {region(1)}));
    CHECK(offs.back() > 0);
  }
  for (std::size_t i = 0; i < offs.size(); i += 2) CHECK_EQ(free_snapshot(offs[i]), 0);
  {
    // Leave only the holes between.
    std::size_t holes = 150 * 3, rest = query().free_bytes / kPage - holes;
    Patterned big(rest, 7);
    Snapshot filler(dump(big.child.pid(), {region(rest - 3)}));
    Snapshot s(dump(many.child.pid(), {region(400)}));
    CHECK(restores_to(s.off, 400, 6));
    CHECK(restores_to(filler.off, rest - 3, 7));
  }
  for (std::size_t i = 1; i < offs.size(); i += 2) {
    CHECK(restores_to(offs[i], 1, 5));
    CHECK_EQ(free_snapshot(offs[i]), 0);
  }
}

KERNEL_TEST(a_sparse_task_needs_many_ranges) {
  constexpr std::size_t kPages = 1200;  // every other one
  Child source([](Child::Turn& turn) {
    map_region(kPages);
    for (std::size_t i = 0; i < kPages; i += 2) fill(kRegion + i * kPage, 1, i);
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(kPages)}));
  rmfork_info i = {};
  CHECK_EQ(info(s.off, &i), 0);
  CHECK_EQ(i.nr_ranges, kPages / 2);
  Child target([&](Child::Turn&) {
    map_region(kPages);
    CHECK_EQ(restore(0, s.off), 0);
    for (std::size_t n = 0; n < kPages; n += 2) CHECK(holds(kRegion + n * kPage, 1, n));
    return true;
  });
  CHECK(target.finish());
}

KERNEL_TEST(a_missing_mapping_is_refused_before_anything_is_inserted) {
  Patterned source(64, 8);
  Snapshot s(dump(source.child.pid(), {region(64)}));
  Child target([&](Child::Turn&) {
    map_region(63);
    CHECK_EQ(restore(0, s.off), -ENOENT);
    CHECK(nothing_present(63));
    CHECK_EQ(restore(0, s.off, {region(63)}), 0);
    return holds(kRegion, 63, 8);
  });
  CHECK(target.finish());
}

KERNEL_TEST(a_shared_mapping_is_refused_before_anything_is_inserted) {
  Patterned source(64, 9);
  Snapshot s(dump(source.child.pid(), {region(64)}));
  Child target([&](Child::Turn&) {
    map_region(32);
    void* tail = mmap(kRegion + 32 * kPage, 32 * kPage, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(tail == kRegion + 32 * kPage);
    CHECK_EQ(restore(0, s.off), -EINVAL);
    return nothing_present(64);
  });
  CHECK(target.finish());
}

KERNEL_TEST(a_populated_page_is_refused_before_anything_is_inserted) {
  Patterned source(64, 10);
  Snapshot s(dump(source.child.pid(), {region(64)}));
  Child target([&](Child::Turn&) {
    map_region(64);
    kRegion[63 * kPage] = 'x';
    CHECK_EQ(restore(0, s.off), -EBUSY);
    CHECK(nothing_present(63));
    CHECK_EQ(madvise(kRegion + 63 * kPage, kPage, MADV_DONTNEED), 0);
    CHECK_EQ(restore(0, s.off), 0);
    CHECK_EQ(restore(0, s.off), -EBUSY);
    return holds(kRegion, 64, 10);
  });
  CHECK(target.finish());
}

KERNEL_TEST(a_huge_page_in_the_way_is_refused) {
  Patterned source(512, 11);
  Snapshot s(dump(source.child.pid(), {region(512)}));
  Child target([&](Child::Turn&) {
    map_region(512);
    madvise(kRegion, 512 * kPage, MADV_HUGEPAGE);
    kRegion[0] = 'x';
    bool huge = !nothing_present(1, 5);
    CHECK_EQ(restore(0, s.off, {region(1, 5)}), huge ? -EBUSY : 0);
    return kRegion[0] == 'x';
  });
  CHECK(target.finish());
}

// Kills a process while it dumps; the event to wait for is that the pool has begun to fill. False:
// the dump was complete before the signal came.
static bool kill_in_the_middle(pid_t source, std::size_t pages) {
  rmfork_query before = query();
  Child dumper([=](Child::Turn& turn) {
    turn.sync();
    return dump(source, {region(pages)}) > 0;
  });
  dumper.wait_ready();
  CHECK(dumper.start());
  while (query().free_bytes + pages * kPage / 8 > before.free_bytes) sched_yield();
  dumper.kill();
  rmfork_query after = query();
  if (after.snapshots == before.snapshots) {
    CHECK_EQ(after.free_bytes, before.free_bytes);
    return true;
  }
  // Its snapshot outlives the process, as it should.
  rmfork_info i = {};
  rmfork_kargs kargs = {RMFORK_OP_LIST, 0, (__u64)&i, before.generation, 0, sizeof(i)};
  CHECK_EQ(issue_at(&kargs), 1);
  CHECK_EQ(free_snapshot(i.meta_off), 0);
  return false;
}

KERNEL_TEST(a_killed_dumper_leaves_nothing) {
  std::size_t pages = query().free_bytes / kPage / 2;
  Patterned source(pages, 12);
  for (int attempt = 0; attempt < 50; attempt++)
    if (kill_in_the_middle(source.child.pid(), pages)) return;
  throw Skipped{"no dumper was killed in the middle"};
}

// The target changes while it is walked: whatever is saved, nothing may break.
KERNEL_TEST(dumping_a_task_that_runs_is_harmless) {
  Child busy([](Child::Turn& turn) -> bool {
    map_region(1024);
    turn.sync();
    for (;;) {
      fill(kRegion, 1024, 13);
      madvise(kRegion, 512 * kPage, MADV_DONTNEED);
      madvise(kRegion + 512 * kPage, 512 * kPage, MADV_HUGEPAGE);
    }
  });
  busy.wait_ready();
  CHECK(busy.start());
  for (int i = 0; i < 20; i++) Snapshot s(dump(busy.pid()));
}

KERNEL_TEST(restores_and_frees_may_race) {
  Patterned source(128, 14);
  for (int round = 0; round < 10; round++) {
    long off = dump(source.child.pid(), {region(128)});
    CHECK(off > 0);
    auto body = [=](Child::Turn& turn) {
      map_region(128);
      turn.sync();
      long ret = restore(0, off);
      return ret == -ENOENT || (ret == 0 && holds(kRegion, 128, 14));
    };
    Child a(body), b(body);
    a.wait_ready();
    b.wait_ready();
    CHECK(a.start());
    CHECK(b.start());
    CHECK_EQ(free_snapshot(off), 0);
    CHECK(a.finish());
    CHECK(b.finish());
  }
}
