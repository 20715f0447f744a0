// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "rmfork/entry.h"
#include "rmfork/error.h"
#include "rmfork/meta-file.h"
#include "rmfork/test/memory-kernel.h"

namespace rmfork {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Dump : testing::Test {
  test::MemoryKernel memory;
  test::TempDir dir;

  // Fails to be written over: a directory that is not empty.
  void obstruct(const std::string& name) {
    ASSERT_EQ(mkdirat(dir.fd(), name.c_str(), 0700), 0);
    dir.write(name + "/inside", "x");
  }
};

TEST_F(Dump, WritesAnEntryPerTaskAndTheRootsOffset) {
  Kernel kernel(memory.transport());
  DumpSession session(kernel, dir.fd());
  const iovec ranges[] = {{reinterpret_cast<void*>(0x1000), 0x2000}};
  TaskSnapshot root = session.dump_task(1000, 1, ranges, true);
  TaskSnapshot child = session.dump_task(1001, 2, {}, false);
  EXPECT_EQ(session.stored_bytes(), 24 * RMFORK_PAGE_SIZE);
  session.commit();

  EXPECT_EQ(read_meta_file(dir.fd()), root.meta_off);
  auto entry = read_entry(dir.fd(), 2);
  ASSERT_TRUE(entry && entry->identity);
  EXPECT_EQ(entry->meta_off, child.meta_off);
  EXPECT_EQ(entry->identity->generation, 2u);
  EXPECT_EQ(entry->identity->index_checksum, 0xabcd0002u);
  EXPECT_EQ(read_entry(dir.fd(), 1)->nr_iovs, 1u);
  ASSERT_EQ(memory.dumps.size(), 2u);
  EXPECT_EQ(memory.dumps[0].pid, 1000u);
  EXPECT_EQ(memory.dumps[0].nr_iovs, 1u);
  EXPECT_EQ(memory.dumps[1].iovs, 0u);
  EXPECT_EQ(memory.snapshots.size(), 2u);
}

TEST_F(Dump, SnapshotsBelongToTheKernelsSessionUntilCommitted) {
  Kernel kernel(memory.transport());
  DumpSession session(kernel, dir.fd());
  session.dump_task(1000, 1, {}, true);
  session.dump_task(1001, 2, {}, false);
  ASSERT_EQ(memory.dumps.size(), 2u);
  const std::uint64_t owner = memory.dumps[0].va;
  EXPECT_EQ(owner >> 32, 1u);
  EXPECT_EQ(memory.dumps[1].va, owner);
  EXPECT_THAT(memory.committed, IsEmpty());
  session.commit();
  EXPECT_THAT(memory.committed, testing::ElementsAre(owner));
}

TEST_F(Dump, WithoutSessionsOrWhereAskedSnapshotsStay) {
  {
    Kernel kernel(memory.transport());
    DumpSession session(kernel, dir.fd(), Orphans::kStay);
    session.dump_task(1000, 1, {}, true);
    session.commit();
  }
  memory.features &= ~RMFORK_FEAT_SESSION;
  Kernel kernel(memory.transport());
  DumpSession session(kernel, dir.fd());
  session.dump_task(1000, 1, {}, true);
  session.commit();
  EXPECT_EQ(memory.dumps[0].va, 0u);
  EXPECT_EQ(memory.dumps[1].va, 0u);
  EXPECT_THAT(memory.committed, IsEmpty());
}

TEST_F(Dump, ACommitThatFailsCommitsNothing) {
  Kernel kernel(memory.transport());
  {
    DumpSession session(kernel, dir.fd());
    session.dump_task(1000, 1, {}, true);
    memory.next_result = -EBADF;
    EXPECT_THROW(session.commit(), Error);
  }
  EXPECT_THAT(memory.snapshots, IsEmpty());
  EXPECT_THAT(dir.names(), IsEmpty());
}

// What a task shares with one before it is not counted again.
TEST_F(Dump, SharedBytesCountOnce) {
  Kernel kernel(memory.transport());
  DumpSession session(kernel, dir.fd());
  session.dump_task(1000, 1, {}, true);
  memory.shared_pages = 4;
  session.dump_task(1001, 2, {}, false);
  EXPECT_EQ(session.stored_bytes(), 20 * RMFORK_PAGE_SIZE);
}

TEST_F(Dump, WithoutCommitNothingStays) {
  Kernel kernel(memory.transport());
  {
    DumpSession session(kernel, dir.fd());
    session.dump_task(1000, 1, {}, true);
    session.dump_task(1001, 2, {}, false);
    EXPECT_EQ(memory.snapshots.size(), 2u);
  }
  EXPECT_THAT(memory.snapshots, IsEmpty());
  EXPECT_THAT(dir.names(), IsEmpty());
}

TEST_F(Dump, AFailedMetaWriteFreesTheSnapshot) {
  obstruct(kMetaFileName);
  Kernel kernel(memory.transport());
  DumpSession session(kernel, dir.fd());
  EXPECT_THROW(session.dump_task(1000, 1, {}, true), Error);
  EXPECT_THAT(memory.snapshots, IsEmpty());
  EXPECT_THAT(dir.names(), ElementsAre(kMetaFileName));  // the obstacle alone
}

TEST_F(Dump, AFailedEntryWriteLeavesTheOthersAlone) {
  obstruct("rmfork-2.img");
  Kernel kernel(memory.transport());
  DumpSession session(kernel, dir.fd());
  session.dump_task(1000, 1, {}, true);
  EXPECT_THROW(session.dump_task(1001, 2, {}, false), Error);
  EXPECT_EQ(memory.snapshots.size(), 1u);
  EXPECT_EQ(session.tasks().size(), 1u);
  session.commit();
  EXPECT_TRUE(read_entry(dir.fd(), 1));
}

TEST_F(Dump, AKernelErrorSaysWhatWasDone) {
  Kernel kernel(memory.transport());
  DumpSession session(kernel, dir.fd());
  memory.next_result = -ESRCH;
  try {
    session.dump_task(1000, 1, {}, true);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.err(), ESRCH);
    EXPECT_STREQ(e.what(), "saving the memory of task 1000 by memory: No such process");
  }
  EXPECT_THAT(dir.names(), IsEmpty());
}

TEST_F(Dump, NothingIsWrittenBeforeAllIsSaved) {
  Kernel kernel(memory.transport());
  {
    DumpSession session(kernel, dir.fd());
    session.save_task(1000, 1, {}, true);
    session.save_task(1001, 2, {}, false);
    EXPECT_THAT(dir.names(), IsEmpty());
    session.record();
    EXPECT_TRUE(read_entry(dir.fd(), 1));
    EXPECT_TRUE(read_entry(dir.fd(), 2));
    EXPECT_TRUE(read_meta_file(dir.fd()));
  }
  EXPECT_THAT(dir.names(), IsEmpty());
  EXPECT_THAT(memory.snapshots, IsEmpty());
}

TEST_F(Dump, AFullPoolSaysHowFull) {
  memory.pages = 20;
  Kernel kernel(memory.transport());
  DumpSession session(kernel, dir.fd());
  session.dump_task(1000, 1, {}, true);
  try {
    session.dump_task(1001, 2, {}, false);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.err(), ENOSPC);
    EXPECT_THAT(e.what(), HasSubstr("0.0 MiB of 0.1 MiB are free in ubmem"));
  }
}

TEST_F(Dump, ImpossibleOffsetsAreRefused) {
  Kernel kernel(memory.transport());
  for (std::uint64_t off : {0ULL, 1ULL << 63}) {
    memory.forced_off = off;
    EXPECT_THROW(kernel.dump(1000, {}), Error);
  }
}

TEST_F(Dump, AKernelWithoutExtensionsWillDo) {
  memory.extensions = false;
  Kernel kernel(memory.transport());
  EXPECT_FALSE(kernel.pool());
  DumpSession session(kernel, dir.fd());
  TaskSnapshot root = session.dump_task(1000, 1, {}, true);
  EXPECT_FALSE(root.info);
  EXPECT_EQ(session.stored_bytes(), 0u);
  session.commit();
  auto entry = read_entry(dir.fd(), 1);
  ASSERT_TRUE(entry);
  EXPECT_FALSE(entry->identity);
  EXPECT_EQ(read_meta_file(dir.fd()), root.meta_off);
}

TEST_F(Dump, RollbackSaysWhatTheKernelCannotFree) {
  memory.extensions = false;
  std::string logged;
  set_log_sink([&](LogLevel level, std::string_view text) {
    if (level == LogLevel::kWarning) logged += text;
  });
  Kernel kernel(memory.transport());
  {
    DumpSession session(kernel, dir.fd());
    session.dump_task(1000, 1, {}, true);
  }
  set_log_sink({});
  EXPECT_THAT(logged, HasSubstr("stays in ubmem: memory cannot free it"));
  EXPECT_THAT(dir.names(), IsEmpty());
}

TEST_F(Dump, ARefusedQueryIsAnError) {
  struct NoDevice : Transport {
    long call(rmfork_kargs&) override { return -ENODEV; }
    std::string name() const override { return "none"; }
    void describe(rmfork_restore_call&) const override {}
  };
  EXPECT_THROW(Kernel(std::make_unique<NoDevice>()), Error);
}

TEST_F(Dump, ListsSnapshotsAndNoticesAStuckCursor) {
  Kernel kernel(memory.transport());
  for (int i = 0; i < 3; i++) kernel.dump(1000, {});
  auto all = kernel.list();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].generation, 3u);
  memory.stuck_cursor = true;
  EXPECT_THROW(kernel.list(), Error);
}

TEST(Uuid, HasTheUsualForm) {
  const std::uint8_t bytes[16] = {0x1c, 0x9a, 0x3f, 0x0e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  EXPECT_EQ(uuid_text(bytes), "1c9a3f0e-0102-0304-0506-0708090a0b0c");
}

}  // namespace
}  // namespace rmfork
