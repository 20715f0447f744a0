// SPDX-License-Identifier: GPL-2.0-only
//
// The interface: probing, privilege, QUERY, INFO, LIST, and everything that must be refused.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "rmfork/test/kernel/harness.h"

using namespace kernel_test;

static constexpr std::uint64_t kLastOperation = RMFORK_OP_IDENTIFY;

KERNEL_TEST(null_pointer_answers_efault) {
  CHECK_EQ(issue_at(nullptr), -EFAULT);
  CHECK_EQ(issue_at(reinterpret_cast<rmfork_kargs*>(0x1000)), -EFAULT);
}

KERNEL_TEST(unknown_operation_is_refused) {
  rmfork_kargs kargs = {};
  for (std::uint64_t op : {std::uint64_t{0}, kLastOperation + 1, ~std::uint64_t{0}}) {
    kargs.rmfork_opt = op;
    CHECK_EQ(issue(kargs), -EINVAL);
  }
}

KERNEL_TEST(unused_fields_must_be_zero) {
  using Field = __u64 rmfork_kargs::*;
  const Field pid = &rmfork_kargs::pid, va = &rmfork_kargs::va, pa = &rmfork_kargs::pa,
              iovs = &rmfork_kargs::iovs, nr_iovs = &rmfork_kargs::nr_iovs;
  const struct {
    std::uint64_t operation;
    std::vector<Field> unused;
  } rules[] = {
      {RMFORK_OP_QUERY, {pid, pa, iovs}},
      {RMFORK_OP_FREE, {pid, iovs, nr_iovs}},
      {RMFORK_OP_INFO, {pid, iovs}},
      {RMFORK_OP_LIST, {pid, iovs}},
      {RMFORK_OP_SESSION, {pid, va, pa, iovs, nr_iovs}},
      {RMFORK_OP_COMMIT, {pid, pa, iovs, nr_iovs}},
      {RMFORK_OP_VERIFY, {pid, iovs}},
      {RMFORK_OP_SETTLE, {va, pa, iovs, nr_iovs}},
      {RMFORK_OP_GUESTS, {pid, iovs}},
      {RMFORK_OP_FORGET, {pid, pa, iovs}},
      {RMFORK_OP_IDENTIFY, {pid, iovs}},
  };
  for (const auto& rule : rules) {
    for (Field field : rule.unused) {
      rmfork_kargs kargs = {};
      kargs.rmfork_opt = rule.operation;
      kargs.*field = 1;
      CHECK_EQ(issue(kargs), -EINVAL);
    }
  }
}

// Neither capability: EPERM for everything but the probe.
static bool without_capabilities() {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {};
  CHECK_EQ(syscall(SYS_capset, &header, none), 0);
  CHECK_EQ(issue_at(nullptr), -EFAULT);
  for (std::uint64_t op = 0; op <= kLastOperation + 1; op++) {
    rmfork_kargs kargs = {};
    kargs.rmfork_opt = op;
    CHECK_EQ(issue(kargs), -EPERM);
  }
  return true;
}

KERNEL_TEST(caller_without_capability_gets_eperm) {
  Child child([](Child::Turn&) { return without_capabilities(); });
  CHECK(child.finish());
}

// Root of a user namespace of its own has every capability there, and none that counts.
KERNEL_TEST(root_of_a_user_namespace_gets_eperm) {
  Child child([](Child::Turn&) {
    CHECK_EQ(unshare(CLONE_NEWUSER), 0);
    CHECK_EQ(dump(getpid()), -EPERM);
    return true;
  });
  CHECK(child.finish());
}

// Another user, of whom this capability is all that is left of root.
static void become_checkpointer() {
  CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
  CHECK_EQ(setgroups(0, nullptr), 0);
  CHECK_EQ(setresgid(1000, 1000, 1000), 0);
  CHECK_EQ(setresuid(1000, 1000, 1000), 0);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct caps[2] = {};
  caps[1].effective = caps[1].permitted = 1u << (CAP_CHECKPOINT_RESTORE - 32);
  CHECK_EQ(syscall(SYS_capset, &header, caps), 0);
}

KERNEL_TEST(checkpoint_restore_capability_suffices_for_oneself) {
  Child child([](Child::Turn&) {
    become_checkpointer();
    Snapshot own(dump(getpid()));
    map_region(1);
    CHECK_EQ(restore(getpid(), own.off, {region(1)}), 0);
    CHECK_EQ(issue({RMFORK_OP_SETTLE, static_cast<__u64>(getpid()), 0, 0, 0, 0}),
             lazy_restores() ? 0 : -EOPNOTSUPP);
    return true;
  });
  CHECK(child.finish());
}

KERNEL_TEST(checkpoint_restore_capability_does_not_reach_others) {
  Child victim([](Child::Turn& turn) {
    fill(map_region(1), 1, 3);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
    turn.sync();
    return true;
  });
  victim.wait_ready();
  Snapshot s(dump(victim.pid(), {region(1)}));
  const bool lazy = lazy_restores();
  Child child([&](Child::Turn&) {
    become_checkpointer();
    const auto pid = static_cast<__u64>(victim.pid());
    CHECK_EQ(dump(victim.pid(), {region(1)}), -EPERM);
    for (std::uint64_t op : {RMFORK_OP_RESTORE_ONE, RMFORK_OP_RESTORE_ALL})
      CHECK_EQ(issue({op, pid, 0, s.off, 0, 0}), -EPERM);
    const long lazily = lazy ? -EPERM : -EOPNOTSUPP;
    CHECK_EQ(issue({RMFORK_OP_RESTORE_LAZY, pid, 0, s.off, 0, 0}), lazily);
    CHECK_EQ(issue({RMFORK_OP_SETTLE, pid, 0, 0, 0, 0}), lazily);
    return true;
  });
  CHECK(child.finish());
}

KERNEL_TEST(a_tracer_needs_no_other_capability) {
  Child child([](Child::Turn&) {
    become_checkpointer();
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
    Patterned target(4, 5);
    CHECK_EQ(dump(target.child.pid(), {region(4)}), -EPERM);
    CHECK_EQ(ptrace(PTRACE_SEIZE, target.child.pid(), nullptr, nullptr), 0);
    Snapshot s(dump(target.child.pid(), {region(4)}));
    // By whichever thread: only one of them is the tracer.
    long by_another = 0;
    std::thread([&] { by_another = dump(target.child.pid(), {region(4)}); }).join();
    Snapshot other(by_another);
    CHECK_EQ(ptrace(PTRACE_INTERRUPT, target.child.pid(), nullptr, nullptr), 0);
    CHECK_EQ(waitpid(target.child.pid(), nullptr, __WALL), target.child.pid());
    CHECK_EQ(ptrace(PTRACE_DETACH, target.child.pid(), nullptr, nullptr), 0);
    return true;
  });
  CHECK(child.finish());
}

// rmfork(7) names the kernels.
KERNEL_TEST(lazy_restores_are_there_or_refused) {
  utsname name = {};
  CHECK_EQ(uname(&name), 0);
  int major = 0, minor = 0;
  CHECK_EQ(sscanf(name.release, "%d.%d", &major, &minor), 2);
  CHECK_EQ(lazy_restores(), major == 6 && minor < 3 && !strstr(name.version, "PREEMPT_RT"));
  if (lazy_restores()) return;  // other tests do them
  map_region(1);
  fill(kRegion, 1, 7);
  Snapshot s(dump(getpid(), {region(1)}));
  CHECK_EQ(munmap(kRegion, kPage), 0);
  map_region(1);
  const auto self = static_cast<__u64>(getpid());
  CHECK_EQ(issue({RMFORK_OP_RESTORE_LAZY, self, 0, s.off, 0, 0}), -EOPNOTSUPP);
  CHECK_EQ(*kRegion, 0);
  CHECK_EQ(issue({RMFORK_OP_SETTLE, self, 0, 0, 0, 0}), -EOPNOTSUPP);
  CHECK_EQ(munmap(kRegion, kPage), 0);
}

KERNEL_TEST(free_takes_the_generation_that_is_meant) {
  CHECK(query().features & RMFORK_FEAT_FREE_GENERATION);
  Snapshot s(dump(getpid()));
  rmfork_info found = {};
  CHECK_EQ(info(s.off, &found), 0);
  rmfork_kargs kargs = {RMFORK_OP_FREE, 0, found.generation + 1, s.off, 0, 0};
  CHECK_EQ(issue(kargs), -ESTALE);
  kargs.va = ~0ULL;
  CHECK_EQ(issue(kargs), -ESTALE);
  CHECK_EQ(info(s.off, &found), 0);
  kargs.va = found.generation;
  CHECK_EQ(issue(kargs), 0);
  CHECK_EQ(issue(kargs), -ENOENT);
  s.off = static_cast<std::uint64_t>(dump(getpid()));
}

KERNEL_TEST(a_restore_takes_the_generation_that_is_meant) {
  CHECK(query().features & RMFORK_FEAT_RESTORE_GENERATION);
  map_region(4);
  fill(kRegion, 4, 1);
  iovec range = {kRegion, 4 * kPage};
  Snapshot s(dump(getpid(), {range}));
  rmfork_info found = {};
  CHECK_EQ(info(s.off, &found), 0);
  std::vector<std::uint64_t> ways = {RMFORK_OP_RESTORE_ONE, RMFORK_OP_RESTORE_ALL};
  if (lazy_restores()) ways.push_back(RMFORK_OP_RESTORE_LAZY);
  for (std::uint64_t way : ways) {
    CHECK_EQ(munmap(kRegion, 4 * kPage), 0);
    map_region(4);
    rmfork_kargs kargs = {way, 0, found.generation + 1, s.off, (__u64)&range, 1};
    CHECK_EQ(issue(kargs), -ESTALE);
    kargs.va = ~0ULL;
    CHECK_EQ(issue(kargs), -ESTALE);
    CHECK_EQ(*kRegion, 0);  // nothing was put in, or the page would not be fresh
    CHECK_EQ(madvise(kRegion, 4 * kPage, MADV_DONTNEED), 0);
    kargs.va = found.generation;
    CHECK_EQ(issue(kargs), 0);
    CHECK(holds(kRegion, 4, 1));
  }
  CHECK_EQ(munmap(kRegion, 4 * kPage), 0);
}

KERNEL_TEST(verify_says_what_it_found) {
  rmfork_damage found = {};
  rmfork_kargs kargs = {RMFORK_OP_VERIFY, 0, (__u64)&found, 0, 0, sizeof(found)};
  CHECK_EQ(issue(kargs), 0);
  CHECK(found.what == RMFORK_DAMAGE_NONE && found.size == sizeof(found) && found.checked == 0);
  FILE* sums = fopen("/sys/module/rmfork/parameters/ubmem_sums", "w");
  CHECK(sums != nullptr && fputs("Y", sums) >= 0 && fclose(sums) == 0);
  CHECK(query().features & RMFORK_FEAT_PAGE_SUMS);
  Snapshot s(dump(getpid()));
  sums = fopen("/sys/module/rmfork/parameters/ubmem_sums", "w");
  CHECK(sums != nullptr && fputs("N", sums) >= 0 && fclose(sums) == 0);
  CHECK(!(query().features & RMFORK_FEAT_PAGE_SUMS));
  rmfork_info saved = {};
  CHECK_EQ(info(s.off, &saved), 0);
  kargs.pa = s.off;
  CHECK_EQ(issue(kargs), 0);
  CHECK_EQ(found.checked, saved.nr_pages);
  kargs.nr_iovs = RMFORK_DAMAGE_SIZE_V1 - 1;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs = {RMFORK_OP_VERIFY, 0, 0x1000, 0, 0, sizeof(found)};
  CHECK_EQ(issue(kargs), -EFAULT);
}

// Nobody else can reach this pool.
KERNEL_TEST(a_pool_of_one_machine_has_no_guests) {
  const rmfork_query q = query();
  CHECK(q.role == RMFORK_ROLE_OWNER && q.guests == 0 && q.kept == 0);
  rmfork_guest guest = {};
  rmfork_kargs kargs = {RMFORK_OP_GUESTS, 0, (__u64)&guest, 0, 0, sizeof(guest)};
  CHECK_EQ(issue(kargs), 0);
  kargs.pa = ~0ULL;
  CHECK_EQ(issue(kargs), 0);
  kargs.nr_iovs = sizeof(guest) - 1;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs = {RMFORK_OP_FORGET, 0, (__u64)guest.uuid, 0, 0, sizeof(guest.uuid)};
  CHECK_EQ(issue(kargs), -ENOENT);
  kargs.nr_iovs++;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs = {RMFORK_OP_FORGET, 0, 0x1000, 0, 0, sizeof(guest.uuid)};
  CHECK_EQ(issue(kargs), -EFAULT);
}

KERNEL_TEST(query_tells_of_the_pool) {
  rmfork_query q = query();
  CHECK_EQ(q.abi_version, RMFORK_ABI_VERSION);
  CHECK_EQ(q.size, sizeof(q));
  CHECK(q.features & RMFORK_FEAT_FREE);
  CHECK(q.pool_bytes > q.free_bytes);
  CHECK_EQ(q.pool_bytes % kPage, 0);
  bool uuid = false;
  for (unsigned char byte : q.pool_uuid) uuid |= byte != 0;
  CHECK(uuid);
}

KERNEL_TEST(query_takes_other_sizes) {
  unsigned char buffer[sizeof(rmfork_query) + 64];
  for (auto& byte : buffer) byte = 0xee;
  rmfork_kargs kargs = {RMFORK_OP_QUERY, 0, (__u64)buffer, 0, 0, sizeof(buffer) - 1};
  CHECK_EQ(issue(kargs), 0);
  for (std::size_t i = sizeof(rmfork_query); i < sizeof(buffer) - 1; i++) CHECK_EQ(buffer[i], 0);
  CHECK_EQ(buffer[sizeof(buffer) - 1], 0xee);
  kargs.nr_iovs = RMFORK_QUERY_SIZE_V1 - 1;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs.nr_iovs = kPage + 1;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs.nr_iovs = sizeof(rmfork_query);
  kargs.va = 0x1000;
  CHECK_EQ(issue(kargs), -EFAULT);
}

// It does not look at the pages: who has them mapped is not seen.
KERNEL_TEST(identify_tells_which_snapshot_it_is) {
  CHECK(query().features & RMFORK_FEAT_IDENTIFY);
  Patterned source(20, 3);
  Snapshot s(dump(source.child.pid(), {region(20)}));
  map_region(20);
  CHECK_EQ(restore(0, s.off), 0);
  rmfork_info whole = {}, i = {};
  CHECK_EQ(info(s.off, &whole), 0);
  CHECK(whole.mapped_pages != 0);
  rmfork_kargs kargs = {RMFORK_OP_IDENTIFY, 0, (__u64)&i, s.off, 0, sizeof(i)};
  CHECK_EQ(issue(kargs), 0);
  CHECK_EQ(i.mapped_pages, 0);
  i.mapped_pages = whole.mapped_pages;
  i.shared_bytes = whole.shared_bytes;
  CHECK_EQ(memcmp(&i, &whole, sizeof(i)), 0);
  kargs.nr_iovs = RMFORK_INFO_SIZE_V1 - 1;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs = {RMFORK_OP_IDENTIFY, 0, (__u64)&i, s.off + kPage, 0, sizeof(i)};
  CHECK_EQ(issue(kargs), -ENOENT);
  CHECK_EQ(munmap(kRegion, 20 * kPage), 0);
}

KERNEL_TEST(info_describes_a_snapshot) {
  Patterned source(20, 3);
  Snapshot s(dump(source.child.pid(), {region(20)}));
  rmfork_info i = {};
  CHECK_EQ(info(s.off, &i), 0);
  CHECK_EQ(i.meta_off, s.off);
  CHECK_EQ(i.nr_pages, 20);
  CHECK(i.nr_ranges >= 1 && i.nr_ranges <= 20);
  CHECK_EQ(i.stored_bytes, 22 * kPage);  // a header and one index block
  CHECK_EQ(i.mapped_pages, 0);
  CHECK_EQ(i.generation, query().generation);
  CHECK_EQ(i.pid, source.child.pid());
  CHECK(i.created_ns != 0);
}

KERNEL_TEST(list_walks_the_snapshots_in_order) {
  Patterned source(1, 4);
  Snapshot a(dump(source.child.pid(), {region(1)}));
  Snapshot b(dump(source.child.pid(), {region(1)}));
  rmfork_info i = {};
  rmfork_kargs kargs = {RMFORK_OP_LIST, 0, (__u64)&i, 0, 0, sizeof(i)};
  std::vector<std::uint64_t> seen;
  std::uint64_t last = 0;
  long ret;
  while ((ret = issue_at(&kargs)) == 1) {
    CHECK(i.generation > last);
    last = i.generation;
    seen.push_back(i.meta_off);
  }
  CHECK_EQ(ret, 0);
  CHECK(seen.size() >= 2);
  CHECK_EQ(seen[seen.size() - 2], a.off);
  CHECK_EQ(seen[seen.size() - 1], b.off);
  CHECK_EQ(seen.size(), query().snapshots);
}

KERNEL_TEST(bad_ranges_are_refused) {
  Patterned source(4, 5);
  pid_t pid = source.child.pid();
  Snapshot s(dump(pid, {region(4)}));
  char* r = kRegion;
  const std::vector<std::vector<iovec>> bad = {
      {{r + 1, kPage}},
      {{r, kPage + 1}},
      {{r, 0}},
      {{r, 2 * kPage}, {r + kPage, kPage}},
      {{r, kPage}, {r, kPage}},
      {{r, ~std::size_t{0} & ~(kPage - 1)}},
      {{reinterpret_cast<void*>(~(kPage - 1)), kPage}},
      {{reinterpret_cast<void*>(1UL << 63), kPage}},
  };
  for (const auto& ranges : bad) {
    CHECK_EQ(dump(pid, ranges), -EINVAL);
    CHECK_EQ(restore(pid, s.off, ranges), -EINVAL);
  }
  rmfork_kargs kargs = {RMFORK_OP_DUMP, (__u64)pid, 0, 0, 0x1000, 1};
  CHECK_EQ(issue(kargs), -EFAULT);
  kargs.nr_iovs = RMFORK_MAX_IOVS + 1;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs.nr_iovs = ~0ULL;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs.nr_iovs = 0;
  CHECK_EQ(issue(kargs), -EINVAL);
  kargs.iovs = 0;
  kargs.nr_iovs = 1;
  CHECK_EQ(issue(kargs), -EINVAL);
}

KERNEL_TEST(ranges_may_come_in_any_order) {
  Patterned source(4, 6);
  Snapshot s(dump(source.child.pid(), {region(1, 3), region(1, 0), region(2, 1)}));
  CHECK(restores_to(s.off, 4, 6));
}

KERNEL_TEST(bad_offsets_are_refused) {
  Patterned source(4, 7);
  Snapshot s(dump(source.child.pid(), {region(4)}));
  rmfork_info i;
  const std::vector<std::uint64_t> bad = {
      0, s.off + 1, s.off + kPage, s.off + 8, query().pool_bytes, ~0UL, 1UL << 63};
  for (std::uint64_t off : bad) {
    CHECK_EQ(restore(0, off), -ENOENT);
    CHECK_EQ(free_snapshot(off), -ENOENT);
    CHECK_EQ(info(off, &i), -ENOENT);
  }
}

KERNEL_TEST(bad_pids_are_refused) {
  Patterned source(1, 8);
  Snapshot s(dump(source.child.pid(), {region(1)}));
  Child zombie([](Child::Turn&) { return true; });
  siginfo_t si;
  CHECK_EQ(waitid(P_PID, zombie.pid(), &si, WEXITED | WNOWAIT), 0);
  CHECK_EQ(dump(zombie.pid()), -ESRCH);
  CHECK_EQ(restore(zombie.pid(), s.off), -ESRCH);
  CHECK_EQ(dump(2), -ESRCH);  // kthreadd
  CHECK_EQ(dump(0x7fffffff), -ESRCH);
  CHECK_EQ(dump(-1), -ESRCH);
  rmfork_kargs wide = {RMFORK_OP_DUMP, (1ULL << 32) + getpid(), 0, 0, 0, 0};
  CHECK_EQ(issue(wide), -ESRCH);
  CHECK_EQ(dump(0), -EINVAL);
}

KERNEL_TEST(pids_are_those_of_the_callers_namespace) {
  Child outer([](Child::Turn&) {
    CHECK_EQ(unshare(CLONE_NEWPID), 0);
    Child inner([](Child::Turn&) {
      CHECK_EQ(getpid(), 1);
      fill(map_region(4), 4, 9);
      Snapshot s(dump(1, {region(4)}));
      rmfork_info i = {};
      CHECK_EQ(info(s.off, &i), 0);
      CHECK_EQ(i.nr_pages, 4);
      CHECK_EQ(dump(2), -ESRCH);
      return true;
    });
    return inner.finish();
  });
  CHECK(outer.finish());
}

// The caller could never free what it does not know of.
KERNEL_TEST(dump_whose_offset_cannot_be_returned_leaves_nothing) {
  Patterned source(4, 10);
  auto* kargs = static_cast<rmfork_kargs*>(
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  kargs->rmfork_opt = RMFORK_OP_DUMP;
  kargs->pid = source.child.pid();
  CHECK_EQ(mprotect(kargs, kPage, PROT_READ), 0);
  CHECK_EQ(issue_at(kargs), -EFAULT);
  munmap(kargs, kPage);
}

KERNEL_TEST(unload_is_refused_while_a_snapshot_exists) {
  if (kept_pool()) throw Skipped{"this pool keeps its snapshots without the module"};
  Patterned source(4, 11);
  Snapshot s(dump(source.child.pid(), {region(4)}));
  source.child.kill();  // it holds the device too
  CHECK_EQ(try_unload(), -EWOULDBLOCK);
}

KERNEL_TEST(unload_is_refused_while_a_freed_page_is_mapped) {
  Patterned source(4, 12);
  long off = dump(source.child.pid(), {region(4)});
  CHECK(off > 0);
  Child target([=](Child::Turn& turn) {
    map_region(4);
    CHECK_EQ(restore(0, off), 0);
    close_device();
    turn.sync();
    return holds(kRegion, 4, 12);
  });
  source.child.kill();  // it holds the device too
  target.wait_ready();
  CHECK_EQ(free_snapshot(off), 0);
  CHECK_EQ(try_unload(), -EWOULDBLOCK);
  CHECK(target.finish());
}
