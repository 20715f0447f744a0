// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/keeper.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "criu/base/child.h"
#include "criu/base/service-fds.h"
#include "criu/task/tree-plan.h"
#include "test/unit/support.h"

namespace criu {
namespace {

// A child that waits for a signal; pid 0: whichever.
pid_t make_waiting(pid_t pid = 0) {
  const int child = make_child(pid, 0);
  if (child == 0)
    for (;;) pause();
  return child;
}

// The signal that ends it.
int end_of(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, __WALL) != child) return 0;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

bool lives(pid_t child) {
  return waitpid(child, nullptr, __WALL | WNOHANG) == 0;
}

// Runs f in a process of its own, which has few descriptors. Returns what f does, or the error.
std::string with_keeper(const std::function<std::string(Keeper&)>& f) {
  return unit::in_child([&] {
    const ServiceFds fds({0, 1, 2});
    const std::vector<PlannedTask> none;
    Keeper keeper(fds, none);
    keeper.begin(true);
    return f(keeper);
  });
}

TEST(Keeper, KillsWhatItWasToldOf) {
  EXPECT_EQ(with_keeper([](Keeper& keeper) -> std::string {
              const pid_t task = make_waiting(), other = make_waiting();
              keeper.note_task(task);
              keeper.undo();
              const bool killed = end_of(task) == SIGKILL, spared = lives(other);
              kill(other, SIGKILL);
              return std::string(killed ? "killed" : "not killed") + (spared ? ", spared" : "");
            }),
            "killed, spared");
}

TEST(Keeper, HasNobodysFilesOnceItHasBegun) {
  constexpr int kTimes = 50;
  EXPECT_EQ(unit::in_child([]() -> std::string {
              const ServiceFds fds({0, 1, 2});
              const std::vector<PlannedTask> none;
              for (int i = 0; i < kTimes; i++) {
                int ends[2];
                if (pipe(ends) < 0) return "no pipe";
                const UniqueFd reader(ends[0]);
                UniqueFd writer(ends[1]);
                Keeper keeper(fds, none);
                keeper.begin(true);
                writer.reset();
                pollfd p{reader.get(), 0, 0};
                if (poll(&p, 1, 0) != 1 || (p.revents & POLLHUP) == 0) return "still open";
              }
              return "closed";
            }),
            "closed");
}

TEST(Keeper, RemovesADirectoryWithWhatIsInIt) {
  const unit::TempDir dir;
  std::filesystem::create_directories(dir.file("gone/below"));
  dir.write("gone/below/file", "");
  dir.write("stays", "");
  EXPECT_EQ(with_keeper([&](Keeper& keeper) -> std::string {
              keeper.note_directory(dir.file("gone"));
              keeper.note_directory(dir.file("never made"));
              keeper.undo();
              return unit::error_of([&] { keeper.note_directory(std::string(PATH_MAX, 'x')); });
            }),
            std::string(PATH_MAX, 'x') + " is too long for a path");
  EXPECT_FALSE(std::filesystem::exists(dir.file("gone")));
  EXPECT_TRUE(std::filesystem::exists(dir.file("stays")));
}

TEST(Keeper, KillsNothingWhenDismissed) {
  EXPECT_EQ(with_keeper([](Keeper& keeper) -> std::string {
              const pid_t task = make_waiting();
              keeper.note_task(task);
              keeper.dismiss();
              keeper.undo();
              const bool spared = lives(task);
              kill(task, SIGKILL);
              return spared ? "spared" : "killed";
            }),
            "spared");
}

// Others have inherited the socket, as tasks do, and the pid is another process's afterwards.
TEST(Keeper, IsNotWaitedForByWhoHasItsSocketAndKillsOnce) {
  EXPECT_EQ(unit::in_child([]() -> std::string {
              const ServiceFds fds({0, 1, 2});
              const std::vector<PlannedTask> none;
              pid_t heir = 0, other = 0;
              {
                Keeper keeper(fds, none);
                keeper.begin(true);
                heir = make_waiting();
                const pid_t task = make_waiting();
                keeper.note_task(task);
                keeper.undo();
                if (end_of(task) != SIGKILL) return "not killed";
                other = make_waiting(task);
                if (other != task) return "the pid cannot be had again";
              }
              const bool spared = lives(other);
              kill(heir, SIGKILL);
              kill(other, SIGKILL);
              return spared ? "spared" : "killed";
            }),
            "spared");
}

}  // namespace
}  // namespace criu
