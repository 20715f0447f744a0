// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/src/facade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "rmfork/entry.h"
#include "rmfork/error.h"
#include "rmfork/meta-file.h"
#include "rmfork/rmfork.h"
#include "rmfork/test/memory-kernel.h"

extern "C" {
long c_caller_dump(pid_t pid);
int c_caller_restore(pid_t pid, unsigned long off);
long c_caller_issue_nothing(void);
}

namespace rmfork {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct Facade : testing::Test {
  test::MemoryKernel memory;
  test::TempDir dir;

  void SetUp() override {
    fresh();
    ASSERT_EQ(rmfork_set_images_dir(dir.path().c_str()), 0);
  }
  void TearDown() override {
    facade::reset({});
    rmfork_set_log(nullptr, nullptr);
  }
  // As a new process would find it.
  void fresh() {
    facade::reset([this](TransportChoice) { return memory.transport(); });
  }
};

TEST_F(Facade, DumpReturnsTheOffsetAndRecordsIt) {
  long off = rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  ASSERT_GT(off, 0);
  EXPECT_EQ(read_meta_file(dir.fd()), static_cast<std::uint64_t>(off));
  EXPECT_EQ(rmfork_get_meta_off(), static_cast<unsigned long>(off));
  EXPECT_STREQ(rmfork_last_error(), "");
}

TEST_F(Facade, TheFirstTaskIsTheRoot) {
  long root = rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  long child = rmfork_dump_mm_iov(1001, 2, nullptr, 0);
  EXPECT_NE(root, child);
  EXPECT_EQ(read_meta_file(dir.fd()), static_cast<std::uint64_t>(root));
  EXPECT_EQ(read_entry(dir.fd(), 2)->meta_off, static_cast<std::uint64_t>(child));
}

TEST_F(Facade, AnotherProcessRestoresFromTheDirectory) {
  memory.features |= RMFORK_FEAT_RESTORE_GENERATION;
  long off = rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  fresh();
  ASSERT_EQ(rmfork_set_images_dirfd(dir.fd()), 0);
  EXPECT_EQ(rmfork_get_meta_off(), static_cast<unsigned long>(off));
  EXPECT_EQ(rmfork_restore_iov(500, 0, nullptr, 0), 0);
  ASSERT_EQ(memory.restores.size(), 1u);
  EXPECT_EQ(memory.restores[0].pid, 500u);
  EXPECT_EQ(memory.restores[0].pa, static_cast<std::uint64_t>(off));
  EXPECT_EQ(memory.restores[0].va, memory.generation);
}

// A caller of the three entry points alone never commits.
TEST_F(Facade, SnapshotsSurviveWithoutACommit) {
  rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  fresh();
  EXPECT_EQ(memory.snapshots.size(), 1u);
}

TEST_F(Facade, AbortUndoesWhatIsNotCommitted) {
  rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  rmfork_commit();
  rmfork_dump_mm_iov(1000, 7, nullptr, 0);
  EXPECT_EQ(memory.snapshots.size(), 2u);
  rmfork_abort();
  EXPECT_EQ(memory.snapshots.size(), 1u);
  EXPECT_TRUE(read_entry(dir.fd(), 1));
  EXPECT_FALSE(read_entry(dir.fd(), 7));
}

TEST_F(Facade, FailuresReturnMinusOneAndSayWhy) {
  std::string logged;
  rmfork_set_log(
      [](int level, const char* text, void* user) {
        if (level == 1) *static_cast<std::string*>(user) += text;
      },
      &logged);
  memory.next_result = -EPERM;
  EXPECT_EQ(rmfork_dump_mm_iov(1000, 1, nullptr, 0), -1);
  EXPECT_THAT(rmfork_last_error(), HasSubstr("Operation not permitted"));
  EXPECT_THAT(logged, HasSubstr("saving the memory of task 1000"));
  EXPECT_EQ(rmfork_get_meta_off(), 0u);
  EXPECT_THAT(dir.names(), IsEmpty());
}

TEST_F(Facade, AnOffsetThatCannotBeRecordedFailsTheDump) {
  ASSERT_EQ(rmfork_set_images_dir("/proc/self"), 0);
  EXPECT_EQ(rmfork_dump_mm_iov(1000, 1, nullptr, 0), -1);
  EXPECT_THAT(rmfork_last_error(), HasSubstr("creating rmfork-1.img"));
  EXPECT_THAT(memory.snapshots, IsEmpty());
}

TEST_F(Facade, WithoutADirectoryNothingIsDumped) {
  fresh();
  EXPECT_EQ(rmfork_dump_mm_iov(1000, 1, nullptr, 0), -1);
  EXPECT_STREQ(rmfork_last_error(), "no images directory is set");
  EXPECT_THAT(memory.dumps, IsEmpty());
  EXPECT_EQ(rmfork_get_meta_off(), 0u);
}

TEST_F(Facade, AGivenOffsetNeedsNoDirectory) {
  long off = rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  fresh();
  EXPECT_EQ(rmfork_restore_iov(0, static_cast<unsigned long>(off), nullptr, 0), 0);
}

TEST_F(Facade, AStaleOffsetIsRefusedBeforeTheCall) {
  rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  memory.uuid[3] = 9;
  EXPECT_EQ(rmfork_restore_iov(0, 0, nullptr, 0), -1);
  EXPECT_THAT(rmfork_last_error(), HasSubstr("this kernel has the pool"));
  EXPECT_THAT(memory.restores, IsEmpty());
}

TEST_F(Facade, ContradictingFilesAreRefused) {
  rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  write_meta_file(dir.fd(), 0x77000);
  fresh();
  ASSERT_EQ(rmfork_set_images_dirfd(dir.fd()), 0);
  EXPECT_EQ(rmfork_restore_iov(0, 0, nullptr, 0), -1);
  EXPECT_THAT(rmfork_last_error(), HasSubstr("they are not of one dump"));
}

TEST_F(Facade, NoMetaFileIsSaid) {
  EXPECT_EQ(rmfork_restore_iov(0, 0, nullptr, 0), -1);
  EXPECT_STREQ(rmfork_last_error(), "the images directory has no rmfork.meta");
  dir.write(kMetaFileName, "0x0\n");
  EXPECT_EQ(rmfork_get_meta_off(), 0u);
  EXPECT_THAT(rmfork_last_error(), HasSubstr("says 0"));
}

TEST_F(Facade, RangesAreHandedOn) {
  iovec ranges[] = {{reinterpret_cast<void*>(0x1000), 0x1000}, {nullptr, 0x1000}};
  long off = rmfork_dump_mm_iov(1000, 1, ranges, 2);
  ASSERT_GT(off, 0);
  EXPECT_EQ(memory.dumps[0].iovs, reinterpret_cast<std::uint64_t>(ranges));
  EXPECT_EQ(rmfork_restore_iov(5, static_cast<unsigned long>(off), ranges, 1), 0);
  EXPECT_EQ(memory.restores[0].nr_iovs, 1u);
}

TEST_F(Facade, ImpossibleArgumentsAreRefused) {
  iovec range = {};
  EXPECT_EQ(rmfork_dump_mm_iov(1000, 1, nullptr, 1), -1);
  EXPECT_EQ(rmfork_dump_mm_iov(1000, 1, &range, -1), -1);
  EXPECT_EQ(rmfork_dump_mm_iov(1000, 1, &range, 0), -1);
  EXPECT_EQ(rmfork_dump_mm_iov(0, 1, nullptr, 0), -1);
  EXPECT_EQ(rmfork_dump_mm_iov(1000, -1, nullptr, 0), -1);
  EXPECT_EQ(rmfork_restore_iov(-1, 0x1000, nullptr, 0), -1);
  EXPECT_EQ(rmfork_set_images_dir("/nonexistent"), -1);
  EXPECT_EQ(rmfork_set_images_dir(nullptr), -1);
  EXPECT_EQ(rmfork_set_images_dirfd(-1), -1);
  EXPECT_EQ(rmfork_set_transport(static_cast<rmfork_transport>(7)), -1);
  EXPECT_THAT(memory.dumps, IsEmpty());
  EXPECT_EQ(rmfork_set_transport(RMFORK_TRANSPORT_DEVICE), 0);
}

TEST_F(Facade, AKernelWithoutExtensionsWorksEndToEnd) {
  memory.extensions = false;
  long off = rmfork_dump_mm_iov(1000, 1, nullptr, 0);
  ASSERT_GT(off, 0);
  fresh();
  ASSERT_EQ(rmfork_set_images_dirfd(dir.fd()), 0);
  EXPECT_EQ(rmfork_restore_iov(0, 0, nullptr, 0), 0);
  EXPECT_EQ(memory.restores[0].pa, static_cast<std::uint64_t>(off));
}

TEST_F(Facade, IsUsableFromC) {
  EXPECT_GT(c_caller_dump(1000), 0);
  EXPECT_EQ(c_caller_restore(1000, 0), 0);
  EXPECT_EQ(c_caller_issue_nothing(), 0);
}

}  // namespace
}  // namespace rmfork
