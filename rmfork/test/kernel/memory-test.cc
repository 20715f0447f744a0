// SPDX-License-Identifier: GPL-2.0-only
//
// What DUMP takes and RESTORE_ONE gives back, and that snapshots stay what they were.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <thread>

#include "rmfork/test/kernel/harness.h"
#include "rmfork/test/kernel/swap.h"

using namespace kernel_test;

namespace {

rmfork_info info_of(std::uint64_t off) {
  rmfork_info i = {};
  CHECK_EQ(info(off, &i), 0);
  return i;
}

// A file of `pages` pages of 'f', already unlinked.
int make_file(std::size_t pages) {
  char path[] = "/tmp/rmfork-test-XXXXXX";
  int fd = mkstemp(path);
  CHECK(fd >= 0);
  unlink(path);
  std::vector<char> page(kPage, 'f');
  for (std::size_t i = 0; i < pages; i++)
    CHECK_EQ(write(fd, page.data(), kPage), static_cast<long>(kPage));
  return fd;
}

bool all_bytes(const char* at, std::size_t pages, char byte) {
  for (std::size_t i = 0; i < pages * kPage; i++)
    if (at[i] != byte) return false;
  return true;
}

}  // namespace

KERNEL_TEST(a_task_gets_its_memory_back) {
  constexpr std::size_t kPages = 1500;  // several page tables
  Patterned source(kPages, 1);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  CHECK_EQ(info_of(s.off).nr_pages, kPages);
  CHECK(restores_to(s.off, kPages, 1));
  CHECK(source.child.finish());  // the source is unharmed
}

KERNEL_TEST(a_coordinator_restores_for_another_task) {
  Patterned source(600, 2);
  Snapshot s(dump(source.child.pid(), {region(600)}));
  Child target([](Child::Turn& turn) {
    map_region(600);
    turn.sync();
    return holds(kRegion, 600, 2);
  });
  target.wait_ready();
  CHECK_EQ(restore(target.pid(), s.off), 0);
  CHECK(target.finish());
}

// So many that several processors enter them: into mappings that begin within page tables.
KERNEL_TEST(a_large_restore_is_whole) {
  constexpr std::size_t kPages = 3000;
  Patterned source(kPages, 7);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  for (int round = 0; round < 5; round++) {
    Child target([&](Child::Turn&) {
      map_region(kPages);
      for (std::size_t at : {300, 900, 1700})
        CHECK_EQ(mprotect(kRegion + at * kPage, 411 * kPage, PROT_READ), 0);
      CHECK_EQ(restore(0, s.off), 0);
      CHECK(holds(kRegion, kPages, 7));
      CHECK_EQ(munmap(kRegion, kPages * kPage), 0);
      return true;
    });
    CHECK(target.finish());
  }
}

// Whoever punches a hole takes pages of the file out of all mappings, without asking their owners.
KERNEL_TEST(a_hole_punched_during_a_restore_takes_nothing) {
  constexpr std::size_t kPages = 256;
  const int file = make_file(kPages);
  Child source([&](Child::Turn& turn) {
    fill(map_region(kPages, 0, file), kPages, 8);
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(kPages)}));
  auto* const punched =
      new (mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
          std::atomic<unsigned>{0};
  std::atomic<bool> over{false};
  std::thread puncher([&] {
    while (!over.load())
      if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kPages * kPage) == 0)
        ++*punched;
  });
  bool good = true;
  for (int round = 0; good && round < 10; round++) {
    Child clone([&](Child::Turn&) {
      map_region(kPages, 0, file);
      CHECK_EQ(restore(0, s.off), 0);
      // Until a hole was punched that had not been begun before.
      for (const unsigned before = *punched; *punched - before < 2;) sched_yield();
      return holds(kRegion, kPages, 8);
    });
    good = clone.finish();
  }
  over.store(true);
  puncher.join();
  close(file);
  munmap(punched, kPage);
  CHECK(good);
}

KERNEL_TEST(without_ranges_all_private_memory_is_saved) {
  Patterned source(50, 3);
  Snapshot s(dump(source.child.pid()));
  CHECK(info_of(s.off).nr_pages > 50);  // stack, data and heap besides
  CHECK(restores_to(s.off, 50, 3));
}

KERNEL_TEST(only_the_ranges_asked_for_are_saved_and_restored) {
  Patterned source(40, 4);
  Snapshot s(dump(source.child.pid(), {region(10), region(10, 20)}));
  CHECK_EQ(info_of(s.off).nr_pages, 20);
  Child target([&](Child::Turn&) {
    map_region(40);
    CHECK_EQ(restore(0, s.off, {region(5, 5), region(13, 12)}), 0);
    for (std::size_t i = 0; i < 40; i++)
      CHECK_EQ(present(kRegion + i * kPage), (i >= 5 && i < 10) || (i >= 20 && i < 25));
    return true;
  });
  CHECK(target.finish());
}

// One entry of the topmost table spans 512 GiB: that there is none says nothing about the next.
// Where a kernel has four levels of tables, the macros of the fifth go to the end of whatever is
// asked for.
KERNEL_TEST(what_lies_behind_an_unused_part_of_the_address_space_is_saved) {
  constexpr std::size_t kPages = 16;
  char* const boundary = kRegion + (std::size_t{2} << 39);
  const auto map = [&] {
    char* const start = boundary - kPages * kPage;
    CHECK(mmap(start, 2 * kPages * kPage, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == start);
  };
  Child source([&](Child::Turn& turn) {
    map();
    fill(boundary, kPages, 11);
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {{boundary - kPages * kPage, 2 * kPages * kPage}}));
  CHECK_EQ(info_of(s.off).nr_pages, kPages);
  Child target([&](Child::Turn&) {
    map();
    CHECK_EQ(restore(0, s.off), 0);
    return holds(boundary, kPages, 11);
  });
  CHECK(target.finish());
}

KERNEL_TEST(writes_of_a_restored_task_do_not_reach_the_snapshot) {
  Patterned source(64, 5);
  Snapshot s(dump(source.child.pid(), {region(64)}));
  Child first([&](Child::Turn& turn) {
    map_region(64);
    CHECK_EQ(restore(0, s.off), 0);
    CHECK(holds(kRegion, 64, 5));
    fill(kRegion, 64, 6);
    turn.sync();
    return holds(kRegion, 64, 6);
  });
  first.wait_ready();
  CHECK(restores_to(s.off, 64, 5));
  CHECK(first.finish());
}

KERNEL_TEST(one_snapshot_restores_many_times_at_once) {
  Patterned source(256, 7);
  Snapshot s(dump(source.child.pid(), {region(256)}));
  std::vector<std::unique_ptr<Child>> targets;
  for (int i = 0; i < 6; i++) {
    targets.push_back(std::make_unique<Child>([&](Child::Turn& turn) {
      map_region(256);
      CHECK_EQ(restore(0, s.off), 0);
      turn.sync();
      return holds(kRegion, 256, 7);
    }));
  }
  for (auto& t : targets) t->wait_ready();
  CHECK_EQ(info_of(s.off).mapped_pages, 256 - kCopied);
  for (auto& t : targets) CHECK(t->finish());
}

KERNEL_TEST(restored_memory_forks_unmaps_and_moves) {
  Patterned source(32, 8);
  Snapshot s(dump(source.child.pid(), {region(32)}));
  Child target([&](Child::Turn&) {
    map_region(32);
    CHECK_EQ(restore(0, s.off), 0);
    Child grandchild([](Child::Turn&) {
      bool same = holds(kRegion, 32, 8);
      fill(kRegion, 32, 9);
      return same && holds(kRegion, 32, 9);
    });
    CHECK(grandchild.finish());
    CHECK(holds(kRegion, 32, 8));
    CHECK_EQ(munmap(kRegion + 30 * kPage, 2 * kPage), 0);
    CHECK_EQ(madvise(kRegion, kPage, MADV_DONTNEED), 0);
    CHECK(all_bytes(kRegion, 1, 0));
    void* moved =
        mremap(kRegion + kPage, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, kRegion + 100 * kPage);
    CHECK(moved == kRegion + 100 * kPage);
    CHECK_EQ(*reinterpret_cast<std::uint64_t*>(moved), 9ULL << 40 | 2 << 12);
    return true;
  });
  CHECK(target.finish());
  CHECK(restores_to(s.off, 32, 8));
}

KERNEL_TEST(a_restored_task_can_be_dumped_again) {
  Patterned source(64, 10);
  Snapshot s(dump(source.child.pid(), {region(64)}));
  Child target([&](Child::Turn& turn) {
    map_region(64);
    CHECK_EQ(restore(0, s.off), 0);
    fill(kRegion, 16, 10);  // own pages now, with the same content
    turn.sync();
    return true;
  });
  target.wait_ready();
  Snapshot again(dump(target.pid(), {region(64)}));
  CHECK_EQ(info_of(again.off).nr_pages, 64);
  CHECK(target.finish());
  CHECK(restores_to(again.off, 64, 10));
}

// The pages are of no snapshot any more, but still the task's memory.
KERNEL_TEST(a_restored_task_can_be_dumped_after_its_snapshot_is_freed) {
  long off;
  {
    Patterned source(32, 11);
    off = dump(source.child.pid(), {region(32)});
    CHECK(off > 0);
  }
  Child target([&](Child::Turn& turn) {
    map_region(32);
    CHECK_EQ(restore(0, off), 0);
    turn.sync();
    return holds(kRegion, 32, 11);
  });
  target.wait_ready();
  CHECK_EQ(free_snapshot(off), 0);
  Snapshot again(dump(target.pid(), {region(32)}));
  CHECK_EQ(info_of(again.off).nr_pages, 32);
  CHECK(target.finish());
  CHECK(restores_to(again.off, 32, 11));
}

KERNEL_TEST(zero_pages_of_anonymous_memory_take_no_room) {
  Child source([](Child::Turn& turn) {
    char* r = map_region(100);
    fill(r, 10, 12);
    for (int i = 10; i < 50; i++) r[i * kPage] = 0;                        // written zeros
    for (int i = 50; i < 60; i++) (void)*(volatile char*)(r + i * kPage);  // the zero page
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(100)}));
  CHECK_EQ(info_of(s.off).nr_pages, 10);
  Child target([&](Child::Turn&) {
    map_region(100);
    CHECK_EQ(restore(0, s.off), 0);
    return holds(kRegion, 10, 12) && all_bytes(kRegion + 10 * kPage, 90, 0);
  });
  CHECK(target.finish());
}

KERNEL_TEST(of_a_private_file_mapping_only_changes_are_saved) {
  int fd = make_file(16);
  Child source([=](Child::Turn& turn) {
    char* r = map_region(16, 0, fd);
    for (int i = 0; i < 16; i++) (void)*(volatile char*)(r + i * kPage);  // present, unchanged
    fill(r, 3, 13);
    memset(r + 3 * kPage, 0, kPage);  // zeros where the file has none
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(16)}));
  CHECK_EQ(info_of(s.off).nr_pages, 4);
  auto check = [](std::uint64_t off, int file, Child::Turn& turn) {
    map_region(16, 0, file);
    CHECK_EQ(restore(0, off), 0);
    CHECK(holds(kRegion, 3, 13));
    CHECK(all_bytes(kRegion + 3 * kPage, 1, 0));
    CHECK(all_bytes(kRegion + 4 * kPage, 12, 'f'));
    // To whoever looks they are the task's own pages, like any changed page of a file mapping.
    for (int i = 0; i < 4; i++) CHECK_EQ(pagemap_entry(kRegion + i * kPage) >> 61, 4);
    turn.sync();
    return true;
  };
  Child target([&](Child::Turn& turn) { return check(s.off, fd, turn); });
  target.wait_ready();
  // And once more from the restored one.
  Snapshot again(dump(target.pid(), {region(16)}));
  CHECK_EQ(info_of(again.off).nr_pages, 4);
  Child second([&](Child::Turn& turn) { return check(again.off, fd, turn); });
  second.wait_ready();
  CHECK(target.finish());
  CHECK(second.finish());
  close(fd);
}

// Whoever makes it takes what is there for the task's own: mm/khugepaged.c.
KERNEL_TEST(where_a_huge_page_may_be_under_way_the_task_gets_copies) {
  constexpr std::size_t kPages = 512;  // those of a huge page
  Child source([=](Child::Turn& turn) {
    fill(map_region(kPages), kPages, 26);
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(kPages)}));
  // The bits of the page map that say present, swapped and of a file.
  auto how = [](std::size_t page) { return pagemap_entry(kRegion + page * kPage) >> 61; };
  Child fresh([&](Child::Turn&) {
    map_region(kPages);
    CHECK_EQ(restore(0, s.off, {region(kPages - 1, 1)}), 0);
    return how(kPages - 1) == 5;
  });
  CHECK(fresh.finish());
  Child target([&](Child::Turn&) {
    char* r = map_region(kPages);
    CHECK_EQ(madvise(r, kPages * kPage, MADV_NOHUGEPAGE), 0);
    fill(r, 1, 26);  // which brings a page table
    CHECK_EQ(restore(0, s.off, {region(kPages - 1, 1)}), 0);
    for (std::size_t i = 0; i < kPages; i++) CHECK_EQ(how(i), 4);
    return holds(r, kPages, 26);
  });
  CHECK(target.finish());
}

// Private file mappings without PROT_WRITE hold changes too: relocated, then protected data.
KERNEL_TEST(a_protected_private_file_mapping_is_restored) {
  int fd = make_file(8);
  Child source([=](Child::Turn& turn) {
    fill(map_region(8, 0, fd), 5, 20);
    CHECK_EQ(mprotect(kRegion, 8 * kPage, PROT_READ), 0);
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(8)}));
  Child target([&](Child::Turn&) {
    map_region(8, 0, fd);
    CHECK_EQ(mprotect(kRegion, 8 * kPage, PROT_READ), 0);
    CHECK_EQ(restore(0, s.off), 0);
    return holds(kRegion, 5, 20) && all_bytes(kRegion + 5 * kPage, 3, 'f');
  });
  CHECK(target.finish());
  close(fd);
}

KERNEL_TEST(shared_memory_is_left_to_others) {
  Child source([](Child::Turn& turn) {
    fill(map_region(8, MAP_SHARED), 8, 14);
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(8)}));
  CHECK_EQ(info_of(s.off).nr_pages, 0);
  CHECK_EQ(restore(0, s.off), 0);  // an empty snapshot restores to nothing
}

KERNEL_TEST(memory_without_access_rights_is_saved) {
  Child source([](Child::Turn& turn) {
    fill(map_region(8), 8, 15);
    CHECK_EQ(mprotect(kRegion, 8 * kPage, PROT_NONE), 0);
    turn.sync();
    return true;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(8)}));
  Child target([&](Child::Turn&) {
    map_region(8);
    CHECK_EQ(mprotect(kRegion, 8 * kPage, PROT_NONE), 0);
    CHECK_EQ(restore(0, s.off), 0);
    CHECK_EQ(mprotect(kRegion, 8 * kPage, PROT_READ | PROT_WRITE), 0);
    CHECK(holds(kRegion, 8, 15));
    fill(kRegion, 8, 16);
    return holds(kRegion, 8, 16);
  });
  CHECK(target.finish());
}

KERNEL_TEST(huge_pages_are_saved) {
  constexpr std::size_t kHuge = 512;
  Child source([](Child::Turn& turn) {
    map_region(4 * kHuge);
    madvise(kRegion, 4 * kHuge * kPage, MADV_HUGEPAGE);
    fill(kRegion, 4 * kHuge, 17);
    turn.sync();
    return true;
  });
  source.wait_ready();
  char line[256], path[64];
  long huge_kb = 0, kb;
  snprintf(path, sizeof(path), "/proc/%d/smaps", source.pid());
  FILE* f = fopen(path, "r");
  CHECK(f != nullptr);
  while (fgets(line, sizeof(line), f))
    if (sscanf(line, "AnonHugePages: %ld kB", &kb) == 1) huge_kb += kb;
  fclose(f);
  if (!huge_kb) throw Skipped{"no transparent huge pages here"};
  // From the middle of one huge page into another.
  Snapshot s(dump(source.pid(), {region(3 * kHuge, 100)}));
  CHECK_EQ(info_of(s.off).nr_pages, 3 * kHuge);
  Child target([&](Child::Turn&) {
    map_region(4 * kHuge);
    CHECK_EQ(restore(0, s.off), 0);
    return holds(kRegion + 100 * kPage, 3 * kHuge, 17, 100);
  });
  CHECK(target.finish());
  Snapshot all(dump(source.pid(), {region(4 * kHuge)}));
  CHECK(restores_to(all.off, 4 * kHuge, 17));
}

KERNEL_TEST(swapped_out_pages_are_saved) {
  SwapFile swap;
  Child source([](Child::Turn& turn) {
    fill(map_region(64), 64, 18);
    madvise(kRegion, 64 * kPage, MADV_PAGEOUT);
    int out = 0;
    for (int i = 0; i < 64; i++) out += swapped(kRegion + i * kPage);
    printf("# %d of 64 pages are swapped out\n", out);
    fflush(stdout);
    turn.sync();
    return out > 0;
  });
  source.wait_ready();
  Snapshot s(dump(source.pid(), {region(64)}));
  CHECK_EQ(info_of(s.off).nr_pages, 64);
  CHECK(restores_to(s.off, 64, 18));
  if (!source.finish()) throw Skipped{"no swap here"};
}

KERNEL_TEST(a_task_dumps_itself) {
  Child self([](Child::Turn&) {
    fill(map_region(32), 32, 19);
    Snapshot s(dump(getpid(), {region(32)}));
    CHECK_EQ(madvise(kRegion, 32 * kPage, MADV_DONTNEED), 0);
    CHECK_EQ(restore(getpid(), s.off), 0);
    return holds(kRegion, 32, 19);
  });
  CHECK(self.finish());
}
