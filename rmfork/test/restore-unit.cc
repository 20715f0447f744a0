// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/restore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "rmfork/dump.h"
#include "rmfork/error.h"
#include "rmfork/meta-file.h"
#include "rmfork/test/memory-kernel.h"

namespace rmfork {
namespace {

using testing::HasSubstr;

// Of which nothing but the place is known.
RestoreSource at(std::uint64_t off) {
  return {off, std::nullopt, std::nullopt};
}

// A dump of two tasks, 1 the root and 2.
struct Restore : testing::Test {
  test::MemoryKernel memory;
  test::TempDir dir;
  std::uint64_t root_off = 0, child_off = 0;

  void save() {
    Kernel kernel(memory.transport());
    DumpSession session(kernel, dir.fd());
    root_off = session.dump_task(1000, 1, {}, true).meta_off;
    child_off = session.dump_task(1001, 2, {}, false).meta_off;
    session.commit();
  }

  std::string refusal(pid_t vpid, bool single) {
    try {
      Kernel kernel(memory.transport());
      prepare_restore(kernel, dir.fd(), vpid, single);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  }

  std::uint64_t generation_in_call(pid_t vpid) {
    Kernel kernel(memory.transport());
    return make_restore_call(kernel, prepare_restore(kernel, dir.fd(), vpid, vpid == 1), 0)
        .kargs.va;
  }
};

TEST_F(Restore, FindsEachTask) {
  save();
  Kernel kernel(memory.transport());
  RestoreSource s = prepare_restore(kernel, dir.fd(), 2, false);
  EXPECT_EQ(s.meta_off, child_off);
  ASSERT_TRUE(s.info);
  EXPECT_EQ(s.info->nr_pages, 10u);
  EXPECT_EQ(prepare_restore(kernel, dir.fd(), 1, true).meta_off, root_off);
}

TEST_F(Restore, AnotherPoolIsRefusedByName) {
  save();
  memory.uuid[0] = 0xff;
  EXPECT_EQ(refusal(1, false),
            "the images were saved in the ubmem pool 01020300-0000-0000-0000-000000000000, this "
            "kernel has the pool ff020300-0000-0000-0000-000000000000: the memory is gone after a "
            "reboot or a reload of the module");
}

TEST_F(Restore, AFreedSnapshotIsRefused) {
  save();
  memory.snapshots.erase(child_off);
  EXPECT_THAT(refusal(2, false), HasSubstr("in ubmem: it was freed"));
}

TEST_F(Restore, AnotherSnapshotAtTheSameOffsetIsRefused) {
  save();
  rmfork_info& i = memory.snapshots[child_off];
  i.generation = 77;
  EXPECT_THAT(refusal(2, false), HasSubstr("of generation 2, the one there has 77"));
  i.generation = 2;
  i.nr_pages = 11;
  EXPECT_THAT(refusal(2, false), HasSubstr("of page count 10, the one there has 11"));
  i.nr_pages = 10;
  i.nr_ranges = 4;
  EXPECT_THAT(refusal(2, false), HasSubstr("of range count 3, the one there has 4"));
  i.nr_ranges = 3;
  i.index_checksum ^= 1;
  EXPECT_THAT(refusal(2, false), HasSubstr("of index checksum"));
  i.index_checksum ^= 1;
  EXPECT_EQ(refusal(2, false), "accepted");
}

TEST_F(Restore, AKernelThatCannotTellItsPoolIsRefused) {
  save();
  memory.extensions = false;
  EXPECT_THAT(refusal(2, false), HasSubstr("cannot tell which it has"));
}

TEST_F(Restore, ImagesOfANewerAbiAreRefused) {
  save();
  Entry e = *read_entry(dir.fd(), 2);
  e.identity->abi_version = 9;
  write_entry(dir.fd(), e);
  EXPECT_THAT(refusal(2, false), HasSubstr("ABI version 9, this kernel has 1"));
}

TEST_F(Restore, OneTaskMayComeFromTheMetaFileAlone) {
  save();
  unlinkat(dir.fd(), "rmfork-1.img", 0);
  Kernel kernel(memory.transport());
  EXPECT_EQ(prepare_restore(kernel, dir.fd(), 1, true).meta_off, root_off);
  EXPECT_THAT(refusal(1, false), HasSubstr("has no rmfork-1.img"));
  memory.snapshots.erase(root_off);
  EXPECT_THAT(refusal(1, true), HasSubstr("it was freed"));
}

TEST_F(Restore, ContradictingFilesAreRefused) {
  save();
  write_meta_file(dir.fd(), 0x7000);
  EXPECT_THAT(refusal(1, true), HasSubstr("they are not of one dump"));
  EXPECT_EQ(refusal(1, false), "accepted");  // the entry is the authority in a tree
}

TEST_F(Restore, NothingThereIsSaid) {
  EXPECT_THAT(refusal(1, true), HasSubstr("neither rmfork-1.img nor rmfork.meta"));
  EXPECT_THAT(refusal(1, false), HasSubstr("no rmfork-1.img"));
  EXPECT_FALSE(has_rmfork_images(dir.fd()));
  dir.write(kMetaFileName, "rubbish");
  EXPECT_THAT(refusal(1, true), HasSubstr("does not begin with 0x"));
  EXPECT_TRUE(has_rmfork_images(dir.fd()));
}

TEST_F(Restore, EndToEndWithoutExtensions) {
  memory.extensions = false;
  save();
  Kernel kernel(memory.transport());
  RestoreSource s = prepare_restore(kernel, dir.fd(), 1, true);
  EXPECT_EQ(s.meta_off, root_off);
  EXPECT_FALSE(s.info);
  kernel.restore(0, s.meta_off, {});
  ASSERT_EQ(memory.restores.size(), 1u);
  EXPECT_EQ(memory.restores[0].pa, root_off);
}

TEST_F(Restore, EntriesOfAMinimalKernelAreStillCheckedWhereAnotherCan) {
  memory.extensions = false;
  save();
  memory.extensions = true;
  EXPECT_EQ(refusal(1, false), "accepted");
  memory.snapshots.clear();
  EXPECT_THAT(refusal(1, false), HasSubstr("it was freed"));
}

TEST_F(Restore, TheCallCarriesWhatTheRestorerNeeds) {
  Kernel kernel(memory.transport());
  rmfork_restore_call call =
      make_restore_call(kernel, at(0x3000), 55, RestoreMode::kShared, 0x7000, 2);
  EXPECT_EQ(call.how, RMFORK_HOW_IOCTL);
  EXPECT_EQ(call.fd, 77);
  EXPECT_EQ(call.kargs.rmfork_opt, RMFORK_OP_RESTORE_ONE);
  EXPECT_EQ(call.kargs.pid, 55u);
  EXPECT_EQ(call.kargs.pa, 0x3000u);
  EXPECT_EQ(call.kargs.va, 0u);
  EXPECT_EQ(call.kargs.iovs, 0x7000u);
  EXPECT_EQ(call.kargs.nr_iovs, 2u);
}

TEST_F(Restore, TheCallNamesTheGenerationWhereTheKernelCanTell) {
  save();
  EXPECT_EQ(generation_in_call(2), 0u);
  memory.features |= RMFORK_FEAT_RESTORE_GENERATION;
  EXPECT_EQ(generation_in_call(2), 2u);
  unlinkat(dir.fd(), "rmfork-1.img", 0);
  EXPECT_EQ(generation_in_call(1), 1u);  // as INFO says, since the image cannot
  memory.extensions = false;
  EXPECT_EQ(generation_in_call(1), 0u);
}

TEST_F(Restore, NothingIsCountedOverAllPages) {
  memory.features |= RMFORK_FEAT_IDENTIFY;
  save();
  generation_in_call(2);
  EXPECT_EQ(memory.infos, 0u);
  memory.features &= ~RMFORK_FEAT_IDENTIFY;
  generation_in_call(2);
  EXPECT_EQ(memory.infos, 1u);
}

TEST_F(Restore, WhatTookThePlaceMeanwhileIsNotRestored) {
  memory.features |= RMFORK_FEAT_RESTORE_GENERATION;
  save();
  Kernel kernel(memory.transport());
  rmfork_restore_call call =
      make_restore_call(kernel, prepare_restore(kernel, dir.fd(), 2, false), 0);
  EXPECT_EQ(memory.call(call.kargs), 0);
  memory.snapshots[child_off].generation = 77;
  EXPECT_EQ(memory.call(call.kargs), -ESTALE);
  try {
    kernel.restore(0, child_off, {}, 2);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.err(), ESTALE);
    EXPECT_THAT(e.what(), HasSubstr("another one lies there"));
  }
  kernel.restore(0, child_off, {}, 77);
  kernel.restore(0, child_off, {});
}

TEST_F(Restore, ModesAreAskedOfTheKernelFirst) {
  memory.features |= RMFORK_FEAT_RESTORE_ALL;
  Kernel kernel(memory.transport());
  check_restore_mode(kernel, RestoreMode::kShared);
  check_restore_mode(kernel, RestoreMode::kCopy);
  EXPECT_THROW(check_restore_mode(kernel, RestoreMode::kLazy), Error);
  EXPECT_EQ(make_restore_call(kernel, at(0x3000), 0, RestoreMode::kCopy).kargs.rmfork_opt,
            RMFORK_OP_RESTORE_ALL);
  EXPECT_EQ(make_restore_call(kernel, at(0x3000), 0, RestoreMode::kLazy).kargs.rmfork_opt,
            RMFORK_OP_RESTORE_LAZY);
  EXPECT_EQ(parse_restore_mode("copy"), RestoreMode::kCopy);
  EXPECT_EQ(parse_restore_mode("Copy"), std::nullopt);
}

}  // namespace
}  // namespace rmfork
