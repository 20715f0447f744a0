// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/tree-plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "criu/arch/x86_64/thread-info.h"
#include "criu/mm/vma.h"
#include "test/unit/support.h"

namespace criu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Role = PlannedTask::Role;

constexpr uint32_t kAlive = 1, kDead = 2, kStopped = 3;

// One task of the images.
struct Given {
  uint32_t pid, ppid, pgid, sid;
  uint32_t state = kAlive;
  std::vector<uint32_t> threads = {};  // besides the leader
  std::vector<uint32_t> fds = {};
  uint32_t files_id = 0;  // 0: the pid
  uint32_t fs_id = 0;
  uint32_t umask = 022;
};

class Tree : public testing::Test {
 protected:
  void write(const std::vector<Given>& tasks) {
    image::Writer img(dir_, image::Kind::kPstree);
    for (const Given& t : tasks) {
      std::vector<uint32_t> threads = t.threads;
      threads.insert(threads.begin(), t.pid);
      auto* e = arena_.make<PstreeEntry>();
      e->pid = t.pid, e->ppid = t.ppid, e->pgid = t.pgid, e->sid = t.sid;
      e->threads = arena_.copy<uint32_t>(threads), e->n_threads = threads.size();
      img.write(e);
      for (const uint32_t tid : threads) write_core(tid, tid == t.pid ? t.state : 0);
      if (t.state != kDead) write_rest(t);
    }
    img.close();
  }

  void write_core(uint32_t tid, uint32_t state) {
    auto* core = arena_.make<CoreEntry>();
    core->mtype = CORE_ENTRY__MARCH__X86_64;
    if (state != kDead) {
      compel::Registers regs;
      regs.general.cs = 0x33;
      regs.xstate.resize(576);
      core->thread_info = arch::thread_info(arena_, regs, 0);
      core->thread_core = arena_.make<ThreadCoreEntry>();
      core->thread_core->creds = arena_.make<CredsEntry>();
      if (tid == under_seccomp_) core->thread_core->seccomp_mode = SECCOMP_MODE__filter;
      core->thread_core->has_seccomp_mode = true;
    }
    if (state != 0) {
      core->tc = arena_.make<TaskCoreEntry>();
      core->tc->task_state = state;
      core->tc->comm = arena_.text("task");
    }
    image::write_single(dir_, image::Kind::kCore, tid, core);
  }

  void write_rest(const Given& t) {
    auto* ids = arena_.make<TaskKobjIdsEntry>();
    ids->files_id = t.files_id != 0 ? t.files_id : t.pid;
    ids->fs_id = t.fs_id;
    image::write_single(dir_, image::Kind::kIds, t.pid, ids);
    image::write_single(dir_, image::Kind::kMm, t.pid, arena_.make<MmEntry>());
    auto* fs = arena_.make<FsEntry>();
    CRIU_SET_OPTIONAL(fs, umask, t.umask);
    image::write_single(dir_, image::Kind::kFs, t.pid, fs);
    image::Writer table(dir_, image::Kind::kFdinfo, t.pid);
    auto* e = arena_.make<FdinfoEntry>();
    e->type = FD_TYPES__REG;
    for (const uint32_t fd : t.fds) {
      e->fd = fd, e->id = fd + 1000;
      table.write(e);
    }
    table.close();
  }

  TreePlan plan(const std::vector<Given>& tasks) {
    write(tasks);
    return TreePlan(options_, dir_, arena_);
  }
  std::string refusal(const std::vector<Given>& tasks) {
    return unit::error_of([&] { plan(tasks); });
  }
  static const PlannedTask& at(const TreePlan& p, pid_t pid) {
    const auto it = std::ranges::find(p.tasks(), pid, &PlannedTask::pid);
    if (it == p.tasks().end()) fail("{} is not planned", pid);
    return *it;
  }
  static std::vector<pid_t> children(const TreePlan& p, pid_t pid) {
    std::vector<pid_t> pids;
    for (const size_t c : at(p, pid).children) pids.push_back(p.tasks()[c].pid);
    return pids;
  }

  uint32_t under_seccomp_ = 0;
  unit::TempDir temp_;
  image::Directory dir_{temp_.path()};
  image::Arena arena_;
  Options options_;
};

TEST_F(Tree, OfOneTask) {
  const TreePlan p = plan({{10, 0, 10, 10, kAlive, {11, 12}, {0, 5}}});
  EXPECT_EQ(p.tasks().size(), 1u);
  EXPECT_EQ(p.root().pid, 10);
  EXPECT_THAT(p.root().threads, ElementsAre(10, 11, 12));
  EXPECT_EQ(p.root().cores.size(), 3u);
  EXPECT_TRUE(p.root().lives());
  EXPECT_EQ(p.count_living(), 1u);
  EXPECT_THAT(p.used_fds(), ElementsAre(0, 5));
  EXPECT_EQ(p.root().table.at(1).file_id, 1005u);
  EXPECT_EQ(p.outer_sid(), 0);
}

TEST_F(Tree, OfAThreadUnderAFilterThatIsNotStoredIsRefused) {
  under_seccomp_ = 12;
  EXPECT_EQ(refusal({{10, 0, 10, 10, kAlive, {11, 12}}}),
            "core-12.img: mode 2 of seccomp, without a filter");
}

TEST_F(Tree, RolesComeFromTheState) {
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 10, 10, kStopped}, {12, 10, 10, 10, kDead}});
  EXPECT_EQ(at(p, 10).role, Role::kAlive);
  EXPECT_EQ(at(p, 11).role, Role::kStopped);
  EXPECT_EQ(at(p, 12).role, Role::kZombie);
  EXPECT_EQ(p.count_living(), 2u);
  EXPECT_THAT(children(p, 10), ElementsAre(11, 12));
}

TEST_F(Tree, ASessionIsTakenFromTheParent) {
  // 11 leads a session of its own; 12 was made by it before that, 13 after.
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 11, 10, 10}, {13, 11, 11, 11}});
  EXPECT_FALSE(at(p, 11).before_setsid);
  EXPECT_TRUE(at(p, 12).before_setsid);
  EXPECT_FALSE(at(p, 13).before_setsid);
}

TEST_F(Tree, ASessionIsTakenOverSeveralGenerations) {
  // 13 is of the root's session, so that 12, too, was made before 11 left it.
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 11, 12, 12}, {13, 12, 10, 10}});
  EXPECT_FALSE(at(p, 11).before_setsid);
  EXPECT_TRUE(at(p, 12).before_setsid);
  EXPECT_TRUE(at(p, 13).before_setsid);
}

TEST_F(Tree, AnOrphanIsMadeByTheLeaderOfItsSession) {
  // 12 had a parent in session 11, and was left to the root.
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 10, 11, 11}});
  EXPECT_EQ(at(p, 12).maker, 11);
  EXPECT_TRUE(at(p, 12).as_sibling);
  EXPECT_FALSE(at(p, 12).before_setsid);
  EXPECT_THAT(children(p, 10), ElementsAre(11));
  EXPECT_THAT(children(p, 11), ElementsAre(12));
  EXPECT_FALSE(at(p, 11).as_sibling);
}

TEST_F(Tree, AnOrphanIsMadeByADeadLeaderToo) {
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 11, 11, kDead}, {12, 10, 12, 11}});
  EXPECT_EQ(at(p, 12).maker, 11);
  EXPECT_TRUE(at(p, 12).as_sibling);
}

TEST_F(Tree, AnOrphanOfALeaderFartherDownIsMadeByAHelper) {
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 11, 12, 12}, {13, 10, 13, 12}});
  const PlannedTask& helper = at(p, at(p, 13).maker);
  EXPECT_EQ(helper.role, Role::kHelper);
  EXPECT_EQ(helper.ppid, 12);
  EXPECT_EQ(helper.sid, 12);
  EXPECT_EQ(helper.pgid, 12);
  EXPECT_THAT(children(p, 12), ElementsAre(helper.pid));
  EXPECT_FALSE(at(p, 13).as_sibling);
  EXPECT_EQ(helper.adoption_round, 1u);
  EXPECT_EQ(at(p, 10).adoption_round, 1u);
  EXPECT_EQ(at(p, 11).adoption_round, 0u);
  EXPECT_EQ(p.adoption_rounds(), 1u);
  EXPECT_EQ(p.count_after(0), 5u);
  EXPECT_EQ(p.count_after(1), 4u);
}

TEST_F(Tree, WhoAdoptsFartherUpDoesSoFirst) {
  const TreePlan p = plan({{10, 0, 10, 10},
                           {11, 10, 10, 10},
                           {12, 11, 11, 10},
                           {13, 12, 13, 13},
                           {14, 11, 14, 13},
                           {15, 10, 15, 13},
                           {16, 11, 16, 13}});
  const PlannedTask& to_11 = at(p, at(p, 14).maker);
  const PlannedTask& to_10 = at(p, at(p, 15).maker);
  EXPECT_EQ(to_10.adoption_round, 1u);
  EXPECT_EQ(to_11.adoption_round, 2u);
  EXPECT_EQ(at(p, 10).adoption_round, 1u);
  EXPECT_EQ(at(p, 11).adoption_round, 2u);
  EXPECT_THAT(children(p, to_11.pid), ElementsAre(14, 16));
  EXPECT_EQ(p.adoption_rounds(), 2u);
}

TEST_F(Tree, ASessionThatNobodyCanHaveComeFromIsRefused) {
  EXPECT_EQ(refusal({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 10, 12, 12}, {13, 11, 12, 12}}),
            "task 13 belongs to session 12, which neither it nor its parent 11 can have come from: "
            "not supported yet");
  EXPECT_EQ(refusal({{10, 0, 11, 11}, {11, 10, 11, 11}}),
            "pstree.img: the root's session, 11, is that of another task in the tree");
}

TEST_F(Tree, OrphansThatWouldHaveToMakeEachOtherAreRefused) {
  EXPECT_EQ(refusal({{10, 0, 10, 10},
                     {20, 10, 31, 31},
                     {21, 20, 21, 21},
                     {30, 10, 21, 21},
                     {31, 30, 31, 31}}),
            "pstree.img: each of two orphans could only be made by who descends from the other");
  EXPECT_THAT(refusal({{10, 0, 10, 10}, {20, 10, 21, 21}, {21, 20, 21, 21}}),
              HasSubstr("task 20 belongs to session 21"));
}

TEST_F(Tree, ADeadSessionLeaderGetsAHelper) {
  const TreePlan p = plan({{10, 0, 10, 10}, {12, 10, 11, 11}, {13, 10, 13, 11}});
  const PlannedTask& helper = at(p, 11);
  EXPECT_EQ(helper.role, Role::kHelper);
  EXPECT_EQ(helper.ppid, 10);
  EXPECT_EQ(helper.sid, 11);
  EXPECT_EQ(helper.pgid, 11);
  EXPECT_EQ(helper.adoption_round, 1u);
  EXPECT_EQ(at(p, 10).adoption_round, 1u);
  EXPECT_EQ(at(p, 12).maker, 11);
  EXPECT_THAT(children(p, 11), ElementsAre(12, 13));
  EXPECT_THAT(children(p, 10), ElementsAre(11));
  EXPECT_EQ(p.count_living(), 3u);
}

TEST_F(Tree, ADeadSessionLeaderWasBelowAllWhoAdopt) {
  const TreePlan p = plan({{10, 0, 10, 10}, {12, 10, 12, 10}, {13, 10, 13, 11}, {14, 12, 14, 11}});
  EXPECT_EQ(at(p, 11).ppid, 12);
  EXPECT_EQ(at(p, 11).adoption_round, 2u);
  EXPECT_EQ(at(p, 14).maker, 11);
  const PlannedTask& helper = at(p, at(p, 13).maker);
  EXPECT_EQ(helper.ppid, 11);
  EXPECT_EQ(helper.adoption_round, 1u);
  EXPECT_EQ(at(p, 10).adoption_round, 1u);
  EXPECT_EQ(at(p, 12).adoption_round, 2u);
}

TEST_F(Tree, LeadersMayHaveComeFromADeadSession) {
  const TreePlan p = plan(
      {{10, 0, 10, 10}, {12, 10, 12, 12}, {13, 12, 13, 11}, {14, 10, 14, 14}, {15, 14, 15, 11}});
  EXPECT_EQ(at(p, 11).ppid, 10);
  EXPECT_THAT(children(p, 11), ElementsAre(12, 14));
  EXPECT_EQ(at(p, 13).maker, 0);
  EXPECT_TRUE(at(p, 13).before_setsid);
  EXPECT_TRUE(at(p, 15).before_setsid);
}

TEST_F(Tree, ADeadSessionOfTwoPlacesIsRefused) {
  EXPECT_EQ(refusal({{10, 0, 10, 10},
                     {12, 10, 12, 10},
                     {13, 10, 13, 10},
                     {14, 12, 14, 11},
                     {15, 13, 15, 11}}),
            "the members of session 11, whose leader is gone, cannot have come from one place: not "
            "supported yet");
}

TEST_F(Tree, ADeadGroupLeaderGetsAHelper) {
  const TreePlan p = plan({{10, 0, 10, 10}, {12, 10, 15, 10}, {13, 10, 15, 10}});
  const PlannedTask& helper = at(p, 15);
  EXPECT_EQ(helper.role, Role::kHelper);
  EXPECT_EQ(helper.pgid, 15);
  EXPECT_EQ(helper.sid, 10);
  EXPECT_EQ(helper.ppid, 12);
  EXPECT_THAT(children(p, 12), ElementsAre(15));
  EXPECT_THAT(children(p, 13), IsEmpty());
  EXPECT_EQ(std::ranges::count(p.tasks(), 15, &PlannedTask::pid), 1);
}

TEST_F(Tree, AGroupOfZombiesGetsAHelperFromTheirParent) {
  const TreePlan p = plan({{10, 0, 10, 10}, {12, 10, 15, 10, kDead}, {13, 10, 15, 10, kDead}});
  EXPECT_EQ(at(p, 15).role, Role::kHelper);
  EXPECT_EQ(at(p, 15).ppid, 10);
  EXPECT_EQ(at(p, 15).sid, 10);
  EXPECT_THAT(children(p, 10), ElementsAre(12, 13, 15));
}

TEST_F(Tree, AGroupOfZombiesInADeadSessionGetsItsHelperThere) {
  const TreePlan p = plan({{10, 0, 10, 10}, {12, 10, 15, 11, kDead}});
  EXPECT_EQ(at(p, 15).maker, 11);
  EXPECT_EQ(at(p, 15).ppid, 10);
  EXPECT_THAT(children(p, 11), ElementsAre(12, 15));
}

TEST_F(Tree, WhoHasLeftItsGroupDoesSoWhenTheOthersAreIn) {
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 10, 11, 10}});
  EXPECT_TRUE(at(p, 11).leads_group);
  EXPECT_EQ(at(p, 11).group_round, 1u);
  EXPECT_EQ(at(p, 12).group_round, 0u);
  EXPECT_EQ(p.group_rounds(), 1u);
  EXPECT_EQ(plan({{10, 0, 10, 10}, {11, 10, 11, 10}, {12, 10, 11, 10}}).group_rounds(), 0u);
}

TEST_F(Tree, AGroupOfThoseWhoHaveLeftTheirsIsLeftLast) {
  // 12 is alone in the group that 11 has led, and 13 in that of 12.
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 10, 10}, {12, 10, 11, 10}, {13, 10, 12, 10}});
  EXPECT_EQ(at(p, 11).group_round, 2u);
  EXPECT_EQ(at(p, 12).group_round, 1u);
  EXPECT_EQ(at(p, 13).group_round, 0u);
}

TEST_F(Tree, TwoMayBeInEachOthersGroups) {
  // 13 is in the group that 12 has led, behind 11, which waits for 12.
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 12, 10}, {12, 10, 11, 10}, {13, 10, 12, 10}});
  EXPECT_EQ(at(p, 11).group_round, 2u);
  EXPECT_EQ(at(p, 12).group_round, 1u);
  EXPECT_EQ(at(p, 13).group_round, 0u);
}

TEST_F(Tree, AHelperStandsForWhoWasInAGroupWhileItsLeaderLeft) {
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 12, 10}, {12, 10, 11, 10}});
  ASSERT_EQ(p.tasks().size(), 4u);
  const PlannedTask& helper = p.tasks().back();
  EXPECT_EQ(helper.role, Role::kHelper);
  EXPECT_EQ(helper.ppid, 11);
  EXPECT_EQ(helper.pgid, 11);
  EXPECT_EQ(helper.sid, 10);
  EXPECT_EQ(helper.group_round, 0u);
  EXPECT_EQ(at(p, 11).group_round, 1u);
  EXPECT_EQ(at(p, 12).group_round, 2u);
}

TEST_F(Tree, ForADeadLeaderItIsMadeByTheParent) {
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 12, 10, kDead}, {12, 10, 11, 10, kDead}});
  EXPECT_EQ(p.tasks().back().ppid, 10);
  EXPECT_EQ(p.tasks().back().pgid, 11);
}

TEST_F(Tree, ImpossibleGroupsAreRefused) {
  EXPECT_EQ(refusal({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 11, 13, 11}, {13, 10, 13, 10}}),
            "pstree.img: process group 13 is in two sessions");
  EXPECT_EQ(refusal({{10, 0, 10, 10}, {11, 10, 11, 11}, {12, 11, 13, 11}, {13, 10, 10, 10}}),
            "pstree.img: process group 13 is not in the session of the task that led it");
}

TEST_F(Tree, ASiblingOfWhoIsMadeByAHelperIsMadeByItToo) {
  const TreePlan p = plan(
      {{10, 0, 10, 10}, {12, 10, 12, 12}, {13, 12, 13, 11}, {14, 10, 14, 12}, {15, 10, 15, 11}});
  EXPECT_EQ(at(p, 12).maker, 11);
  EXPECT_EQ(at(p, 14).maker, 12);
  EXPECT_TRUE(at(p, 14).as_sibling);
  EXPECT_TRUE(p.is_made_by_helper(at(p, 12)));
  EXPECT_TRUE(p.is_made_by_helper(at(p, 14)));
  EXPECT_FALSE(p.is_made_by_helper(at(p, 13)));
}

TEST_F(Tree, ThatIsToBeDumpedIsPlannedTheSame) {
  PlannedTask root, orphan, leader, child;
  constexpr int kAnotherSignal = 10;
  root.pid = root.pgid = root.sid = 10;
  child.pid = 11, child.ppid = 10, child.pgid = child.sid = 10;
  leader.pid = leader.pgid = leader.sid = 12, leader.ppid = 11;
  orphan.pid = 13, orphan.ppid = 10, orphan.pgid = orphan.sid = 12;
  EXPECT_EQ(TreePlan(options_, {root, child, leader, orphan}).tasks().size(), 5u);
  orphan.exit_signal = kAnotherSignal;
  EXPECT_THAT(unit::error_of([&] {
                TreePlan(options_, {root, child, leader, orphan});
              }),
              HasSubstr("task 13 belongs to session 12"));
}

// An orphan's is SIGCHLD.
TEST_F(Tree, WithAnotherExitSignalATaskIsMadeByItsParent) {
  PlannedTask root, leader, child;
  constexpr int kAnotherSignal = 10;
  root.pid = root.pgid = root.sid = 10;
  leader.pid = leader.pgid = leader.sid = 12, leader.ppid = 10;
  child.pid = child.pgid = 13, child.ppid = 12, child.sid = 11;
  const auto leader_of_11 = [&] {
    const TreePlan p(options_, {root, leader, child});
    return std::pair(at(p, 11).ppid, at(p, 13).maker);
  };
  EXPECT_EQ(leader_of_11(), std::pair(12, 11));
  child.exit_signal = kAnotherSignal;
  EXPECT_EQ(leader_of_11(), std::pair(10, 0));
}

TEST_F(Tree, OfAShellNeedsTheOption) {
  const std::vector<Given> tasks = {{10, 0, 9, 5}, {11, 10, 9, 5}};
  EXPECT_EQ(refusal(tasks),
            "the tree was started from a shell (its session is 5): use --shell-job");
  options_.shell_job = true;
  const TreePlan p = plan(tasks);
  EXPECT_EQ(p.outer_sid(), 5);
  EXPECT_EQ(p.outer_pgid(), 9);
  EXPECT_EQ(p.tasks().size(), 2u);
  const TreePlan own_group = plan({{10, 0, 10, 5}, {11, 10, 10, 5}});
  EXPECT_EQ(own_group.outer_sid(), 5);
  EXPECT_EQ(own_group.outer_pgid(), 0);
}

TEST_F(Tree, ForgedPidsAreRefused) {
  EXPECT_EQ(refusal({}), "pstree.img holds no task");
  EXPECT_EQ(refusal({{0, 0, 10, 10}}), "pstree.img: 0 is no pid");
  EXPECT_EQ(refusal({{4194305, 0, 10, 10}}), "pstree.img: 4194305 is no pid");
  EXPECT_EQ(refusal({{10, 0, 0, 10}}), "pstree.img: 0 is no process group");
  EXPECT_EQ(refusal({{10, 0, 10, 0xffffffff}}), "pstree.img: 4294967295 is no session");
  EXPECT_EQ(refusal({{10, 0, 10, 10, kAlive, {0}}}), "pstree.img: 0 is no thread");
}

TEST_F(Tree, DuplicatesAreRefused) {
  EXPECT_EQ(refusal({{10, 0, 10, 10}, {10, 10, 10, 10}}), "pstree.img: thread 10 is there twice");
  EXPECT_EQ(refusal({{10, 0, 10, 10, kAlive, {11}}, {11, 10, 10, 10}}),
            "pstree.img: thread 11 is there twice");
  EXPECT_EQ(refusal({{10, 0, 10, 10, kAlive, {11, 11}}}), "pstree.img: thread 11 is there twice");
}

TEST_F(Tree, TasksNeedTheirParents) {
  EXPECT_EQ(refusal({{10, 5, 10, 10}}), "pstree.img: task 10 has no parent in the tree");
  EXPECT_EQ(refusal({{10, 0, 10, 10}, {11, 12, 10, 10}}),
            "pstree.img: task 11 has no parent in the tree");
  EXPECT_EQ(refusal({{10, 0, 10, 10}, {12, 13, 10, 10}, {13, 10, 10, 10}}),
            "pstree.img: task 12 has no parent in the tree");
  EXPECT_EQ(refusal({{10, 0, 10, 10}, {11, 0, 11, 11}}),
            "pstree.img: task 11 has no parent in the tree");
  EXPECT_EQ(refusal({{10, 0, 10, 10}, {11, 10, 10, 10, kDead}, {12, 11, 10, 10}}),
            "pstree.img: the dead task 11 has a child");
}

TEST_F(Tree, CoresMustDescribeTheirTasks) {
  EXPECT_EQ(refusal({{10, 0, 10, 10, 0}}), "core-10.img does not describe a task");
  EXPECT_EQ(refusal({{10, 0, 10, 10, 9}}), "core-10.img: 9 is no task state");
  write({{10, 0, 10, 10}});
  auto* core = arena_.make<CoreEntry>();
  core->mtype = CORE_ENTRY__MARCH__AARCH64;
  image::write_single(dir_, image::Kind::kCore, 10, core);
  EXPECT_EQ(unit::error_of([&] { TreePlan(options_, dir_, arena_); }),
            "core-10.img is of another processor architecture");
  core->mtype = CORE_ENTRY__MARCH__X86_64;
  core->tc = arena_.make<TaskCoreEntry>();
  core->tc->task_state = kAlive;
  image::write_single(dir_, image::Kind::kCore, 10, core);
  EXPECT_EQ(unit::error_of([&] { TreePlan(options_, dir_, arena_); }), "core-10.img is incomplete");
}

TEST_F(Tree, ImpossibleDescriptorsAreRefused) {
  EXPECT_EQ(refusal({{10, 0, 10, 10, kAlive, {}, {0xffffffff}}}),
            "fdinfo-10.img: 4294967295 is no descriptor");
}

TEST_F(Tree, ATableIsSharedWithTheParent) {
  const TreePlan p = plan({{10, 0, 10, 10, kAlive, {}, {3}},
                           {11, 10, 10, 10, kAlive, {}, {}, 10},
                           {12, 11, 10, 10, kAlive, {}, {}, 10},
                           {13, 12, 10, 10, kAlive, {}, {7}}});
  EXPECT_TRUE(p.shares_tables());
  EXPECT_EQ(at(p, 10).table_owner, 0);
  EXPECT_EQ(at(p, 11).table_owner, 10);
  EXPECT_EQ(at(p, 12).table_owner, 10);
  EXPECT_THAT(at(p, 12).table, IsEmpty());
  EXPECT_EQ(at(p, 13).table_owner, 0);
  EXPECT_THAT(p.used_fds(), ElementsAre(3, 7));
}

TEST_F(Tree, ATableOfBrothersAloneIsRefused) {
  EXPECT_THAT(refusal({{10, 0, 10, 10},
                       {11, 10, 10, 10, kAlive, {}, {}, 11},
                       {12, 10, 10, 10, kAlive, {}, {}, 11}}),
              HasSubstr("tasks 11 and 12 share their descriptor table"));
}

TEST_F(Tree, AWorkingDirectoryIsSharedWithTheParent) {
  const TreePlan p = plan({{10, 0, 10, 10, kAlive, {}, {3}, 0, 7},
                           {11, 10, 11, 11, kAlive, {}, {4}, 0, 7},
                           {12, 11, 11, 11, kAlive, {}, {}, 11, 7},
                           {13, 11, 11, 11, kAlive, {}, {}, 0, 8},
                           {14, 10, 10, 10, kDead, {}, {}, 0, 7}});
  EXPECT_TRUE(p.shares_fs());
  EXPECT_EQ(at(p, 10).fs_owner, 0);
  EXPECT_EQ(at(p, 11).fs_owner, 10);
  EXPECT_EQ(at(p, 12).fs_owner, 10);
  EXPECT_EQ(at(p, 12).table_owner, 11);
  EXPECT_EQ(at(p, 13).fs_owner, 0);
  EXPECT_EQ(at(p, 14).fs_owner, 0);
}

TEST_F(Tree, WithoutAnIdAWorkingDirectoryIsItsOwn) {
  const TreePlan p = plan({{10, 0, 10, 10}, {11, 10, 10, 10}});
  EXPECT_FALSE(p.shares_fs());
  EXPECT_EQ(at(p, 11).fs_owner, 0);
}

TEST_F(Tree, AWorkingDirectoryOfBrothersAloneIsRefused) {
  EXPECT_THAT(refusal({{10, 0, 10, 10},
                       {11, 10, 10, 10, kAlive, {}, {}, 0, 7},
                       {12, 10, 10, 10, kAlive, {}, {}, 0, 7}}),
              HasSubstr("tasks 11 and 12 share their working directory"));
}

// A session helper makes 12, which could only have it from its parent.
TEST_F(Tree, AWorkingDirectoryOfWhoIsMadeByAHelperIsRefused) {
  EXPECT_THAT(
      refusal({{10, 0, 10, 10, kAlive, {}, {}, 0, 7}, {12, 10, 11, 11, kAlive, {}, {}, 0, 7}}),
      HasSubstr("tasks 10 and 12 share their working directory"));
}

TEST_F(Tree, ASharedUmaskIsOne) {
  EXPECT_EQ(refusal({{10, 0, 10, 10, kAlive, {}, {}, 0, 7, 022},
                     {11, 10, 10, 10, kAlive, {}, {}, 0, 7, 077}}),
            "fs-11.img: the umask is not that of task 10, which shares it");
}

// They stand among the mappings, in any order.
TEST_F(Tree, GuardPagesAreNoMappings) {
  write({{10, 0, 10, 10}});
  VmaEntry vmas[4] = {VMA_ENTRY__INIT, VMA_ENTRY__INIT, VMA_ENTRY__INIT, VMA_ENTRY__INIT};
  VmaEntry* all[4];
  for (size_t i = 0; i < 4; i++) {
    vmas[i].start = (i + 1) << 20;
    vmas[i].status = i % 2 == 0 ? mm::kAreaGuard : uint32_t{mm::kAreaRegular};
    all[i] = &vmas[i];
  }
  MmEntry mm = MM_ENTRY__INIT;
  mm.n_vmas = 4, mm.vmas = all;
  image::write_single(dir_, image::Kind::kMm, 10, &mm);
  const TreePlan p(options_, dir_, arena_);
  ASSERT_EQ(at(p, 10).guards.size(), 2u);
  EXPECT_EQ(at(p, 10).guards[1]->start, 3u << 20);
  ASSERT_EQ(at(p, 10).mm->n_vmas, 2u);
  EXPECT_EQ(at(p, 10).mm->vmas[1]->start, 4u << 20);
}

TEST_F(Tree, MissingImagesAreNamed) {
  for (const char* name :
       {"core-10.img", "mm-10.img", "fs-10.img", "ids-10.img", "fdinfo-10.img", "pstree.img"}) {
    write({{10, 0, 10, 10}});
    std::filesystem::remove(temp_.file(name));
    EXPECT_THAT(unit::error_of([&] { TreePlan(options_, dir_, arena_); }), HasSubstr(name));
  }
}

}  // namespace
}  // namespace criu
