// SPDX-License-Identifier: GPL-2.0-only
//
// Pages that several tasks have in common: stored once, and in common again when restored.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "rmfork/test/kernel/harness.h"

using namespace kernel_test;

namespace {

std::uint64_t used_pages() {
  const rmfork_query q = query();
  return (q.pool_bytes - q.free_bytes) / kPage;
}

rmfork_info describe(std::uint64_t off) {
  rmfork_info i = {};
  CHECK_EQ(info(off, &i), 0);
  return i;
}

// A child with patterned pages, and a grandchild that was forked from it and changed some.
struct Family {
  Family(std::size_t pages, std::size_t changed, unsigned seed)
      : child([=, this](Child::Turn& turn) {
          map_region(pages);
          fill(kRegion, pages, seed);
          Child other([=](Child::Turn& inner) {
            fill(kRegion, changed, seed + 1);
            inner.sync();
            return true;
          });
          other.wait_ready();
          *grandchild = other.pid();
          turn.sync();
          return true;
        }) {
    child.wait_ready();
  }
  ~Family() { munmap(grandchild, kPage); }

  pid_t* grandchild = static_cast<pid_t*>(
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  Child child;
};

// A child that has its pages in common with a grandchild, which only waits.
void share_with_grandchild(Child::Turn& turn) {
  Child other([](Child::Turn& inner) {
    inner.sync();
    return true;
  });
  other.wait_ready();
  turn.sync();
  other.kill();
}

}  // namespace

KERNEL_TEST(pages_common_to_two_tasks_are_stored_once) {
  Family family(256, 16, 20);
  const std::uint64_t before = used_pages();
  Snapshot first(dump(family.child.pid(), {region(256)}));
  const std::uint64_t one = used_pages() - before;
  Snapshot second(dump(*family.grandchild, {region(256)}));
  const std::uint64_t both = used_pages() - before;
  CHECK(one >= 256);
  // What was changed, a header, and a few blocks of index.
  CHECK(both - one <= 16 + 1 + 3);
  CHECK_EQ(describe(second.off).shared_bytes, 240 * kPage);
  CHECK_EQ(describe(first.off).shared_bytes, 240 * kPage);
  CHECK(restores_to(first.off, 256, 20));
  Child target([&](Child::Turn&) {
    map_region(256);
    CHECK_EQ(restore(0, second.off), 0);
    return holds(kRegion, 16, 21);
  });
  CHECK(target.finish());
}

KERNEL_TEST(a_common_page_stays_while_one_snapshot_uses_it) {
  Family family(64, 0, 22);
  const std::uint64_t before = used_pages();
  long first = dump(family.child.pid(), {region(64)});
  CHECK(first > 0);
  {
    Snapshot second(dump(*family.grandchild, {region(64)}));
    CHECK_EQ(free_snapshot(first), 0);
    CHECK_EQ(describe(second.off).shared_bytes, 0);
    // Whatever is stored next must not land on it.
    Patterned other(128, 23);
    Snapshot third(dump(other.child.pid(), {region(128)}));
    CHECK(restores_to(second.off, 64, 22));
    CHECK(restores_to(third.off, 128, 23));
  }
  CHECK_EQ(used_pages(), before);
}

// The pages of a restored task lie in ubmem already.
KERNEL_TEST(a_dump_of_a_restored_task_copies_only_what_it_wrote) {
  Patterned source(128, 24);
  long off = dump(source.child.pid(), {region(128)});
  CHECK(off > 0);
  Child clone([=](Child::Turn& turn) {
    map_region(128);
    CHECK_EQ(restore(0, off), 0);
    fill(kRegion, 8, 25);
    turn.sync();
    return true;
  });
  clone.wait_ready();
  const std::uint64_t before = used_pages();
  Snapshot again(dump(clone.pid(), {region(128)}));
  CHECK(used_pages() - before <= 8 + 2);
  CHECK_EQ(describe(again.off).shared_bytes, 120 * kPage);
  CHECK_EQ(free_snapshot(off), 0);
  clone.kill();
  Child target([&](Child::Turn&) {
    map_region(128);
    CHECK_EQ(restore(0, again.off), 0);
    return holds(kRegion, 8, 25);
  });
  CHECK(target.finish());
}

// A page that was stored and noted, as another task had it too. Alone with it again, its task
// writes to it in place: the same frame has other contents, and is stored while another task has it
// once more.
KERNEL_TEST(a_reused_frame_is_not_taken_for_the_old_page) {
  constexpr std::size_t kPages = 256;
  Child source([](Child::Turn& turn) {
    map_region(kPages);
    fill(kRegion, kPages, 30);
    share_with_grandchild(turn);
    fill(kRegion, kPages, 31);
    share_with_grandchild(turn);
    return true;
  });
  source.wait_ready();
  Snapshot first(dump(source.pid(), {region(kPages)}));
  source.next();
  Snapshot second(dump(source.pid(), {region(kPages)}));
  CHECK(restores_to(first.off, kPages, 30));
  CHECK(restores_to(second.off, kPages, 31));
}

KERNEL_TEST(a_copying_restore_does_not_depend_on_ubmem) {
  Patterned source(200, 40);
  long off = dump(source.child.pid(), {region(200)});
  CHECK(off > 0);
  const rmfork_query before = query();
  Child target([=](Child::Turn& turn) {
    map_region(200);
    rmfork_kargs kargs = {};
    kargs.rmfork_opt = RMFORK_OP_RESTORE_ALL;
    kargs.pa = static_cast<std::uint64_t>(off);
    CHECK_EQ(issue(kargs), 0);
    turn.sync();
    return holds(kRegion, 200, 40);
  });
  target.wait_ready();
  CHECK_EQ(describe(off).mapped_pages, 0);
  CHECK_EQ(free_snapshot(off), 0);
  CHECK_EQ(query().pending_bytes, before.pending_bytes);
  Patterned other(400, 41);
  Snapshot over(dump(other.child.pid(), {region(400)}));
  CHECK(target.finish());
}

KERNEL_TEST(a_copying_restore_reaches_memory_without_access_rights) {
  Patterned source(10, 42);
  Snapshot s(dump(source.child.pid(), {region(10)}));
  Child target([&](Child::Turn&) {
    map_region(10);
    CHECK_EQ(mprotect(kRegion, 10 * kPage, PROT_NONE), 0);
    rmfork_kargs kargs = {};
    kargs.rmfork_opt = RMFORK_OP_RESTORE_ALL;
    kargs.pa = s.off;
    CHECK_EQ(issue(kargs), 0);
    CHECK_EQ(mprotect(kRegion, 10 * kPage, PROT_READ), 0);
    return holds(kRegion, 10, 42);
  });
  CHECK(target.finish());
}
