// SPDX-License-Identifier: GPL-2.0-only
//
// Snapshots that go with their owner, and the check of what lies in ubmem.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "rmfork/test/kernel/harness.h"

using namespace kernel_test;

namespace {

int open_session() {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_SESSION;
  const long fd = issue(kargs);
  CHECK(fd >= 0);
  return static_cast<int>(fd);
}

long dump_in(std::uint64_t session, pid_t pid, std::vector<iovec> ranges) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_DUMP;
  kargs.pid = static_cast<std::uint64_t>(pid);
  kargs.va = session;
  kargs.iovs = reinterpret_cast<std::uintptr_t>(ranges.data());
  kargs.nr_iovs = ranges.size();
  const long ret = issue_at(&kargs);
  return ret < 0 ? ret : static_cast<long>(kargs.pa);
}

long commit(std::uint64_t session) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_COMMIT;
  kargs.va = session;
  return issue(kargs);
}

long verify(std::uint64_t off) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_VERIFY;
  kargs.pa = off;
  return issue(kargs);
}

}  // namespace

KERNEL_TEST(a_session_takes_its_snapshots_along) {
  Patterned source(16, 50);
  const rmfork_query before = query();
  const int session = open_session();
  CHECK((fcntl(session, F_GETFD) & FD_CLOEXEC) != 0);
  const long a = dump_in(RMFORK_IN_SESSION(session), source.child.pid(), {region(16)});
  const long b = dump_in(RMFORK_IN_SESSION(session), source.child.pid(), {region(8)});
  CHECK(a > 0 && b > 0);
  // They are like any others meanwhile.
  CHECK(restores_to(static_cast<std::uint64_t>(a), 16, 50));
  CHECK_EQ(free_snapshot(static_cast<std::uint64_t>(b)), 0);
  const int copy = dup(session);
  close(session);
  CHECK(restores_to(static_cast<std::uint64_t>(a), 16, 50));
  close(copy);
  CHECK_EQ(restore(0, static_cast<std::uint64_t>(a)), -ENOENT);
  CHECK_EQ(query().free_bytes, before.free_bytes);
}

KERNEL_TEST(committed_snapshots_stay) {
  Patterned source(16, 51);
  const int session = open_session();
  Snapshot s(dump_in(RMFORK_IN_SESSION(session), source.child.pid(), {region(16)}));
  CHECK_EQ(commit(RMFORK_IN_SESSION(session)), 0);
  const long later = dump_in(RMFORK_IN_SESSION(session), source.child.pid(), {region(4)});
  CHECK(later > 0);
  close(session);
  CHECK(restores_to(s.off, 16, 51));
  CHECK_EQ(restore(0, static_cast<std::uint64_t>(later)), -ENOENT);
}

// Whoever commits is about to end the tasks: their memory must be there.
KERNEL_TEST(a_session_that_lost_a_snapshot_is_not_committed) {
  Patterned source(16, 55);
  const rmfork_query before = query();
  const int session = open_session();
  const long a = dump_in(RMFORK_IN_SESSION(session), source.child.pid(), {region(16)});
  const long b = dump_in(RMFORK_IN_SESSION(session), source.child.pid(), {region(8)});
  CHECK(a > 0 && b > 0);
  CHECK_EQ(free_snapshot(static_cast<std::uint64_t>(b)), 0);
  CHECK_EQ(commit(RMFORK_IN_SESSION(session)), -ESTALE);
  CHECK(restores_to(static_cast<std::uint64_t>(a), 16, 55));
  close(session);
  CHECK_EQ(query().snapshots, before.snapshots);
  CHECK_EQ(query().free_bytes, before.free_bytes);
}

KERNEL_TEST(the_snapshots_of_a_killed_dumper_go) {
  Patterned source(16, 52);
  const rmfork_query before = query();
  const pid_t of = source.child.pid();
  Child dumper([=](Child::Turn& turn) {
    const int session = open_session();
    for (int i = 0; i < 5; i++) CHECK(dump_in(RMFORK_IN_SESSION(session), of, {region(16)}) > 0);
    turn.sync();
    return true;
  });
  dumper.wait_ready();
  CHECK_EQ(query().snapshots, before.snapshots + 5);
  dumper.kill();
  CHECK_EQ(query().snapshots, before.snapshots);
  CHECK_EQ(query().free_bytes, before.free_bytes);
}

KERNEL_TEST(what_is_no_session_is_refused) {
  Patterned source(4, 53);
  const pid_t of = source.child.pid();
  const int null = open("/dev/null", O_RDONLY);
  const rmfork_query before = query();
  for (std::uint64_t bad :
       {RMFORK_IN_SESSION(null), RMFORK_IN_SESSION(999), RMFORK_IN_SESSION(-1)}) {
    CHECK_EQ(dump_in(bad, of, {region(4)}), -EBADF);
    CHECK_EQ(commit(bad), -EBADF);
  }
  for (std::uint64_t bad : {3ULL, 2ULL << 32, ~0ULL}) {
    CHECK_EQ(dump_in(bad, of, {region(4)}), -EINVAL);
    CHECK_EQ(commit(bad), -EINVAL);
  }
  CHECK_EQ(commit(0), -EINVAL);
  close(null);
  CHECK_EQ(query().free_bytes, before.free_bytes);
}

KERNEL_TEST(sound_snapshots_verify) {
  Patterned source(300, 54);
  Snapshot s(dump(source.child.pid()));
  CHECK_EQ(verify(s.off), 0);
  CHECK_EQ(verify(s.off + kPage), -ENOENT);
  CHECK_EQ(verify(0), 0);
}
