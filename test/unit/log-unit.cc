// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "criu/base/fd.h"
#include "test/unit/support.h"

namespace criu {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

// In a child process each: the log is one of the whole process.
class Log : public testing::Test {
 protected:
  // What three lines of different weight become at that level: in the log, and beside it.
  void write_at(int level) {
    EXPECT_EQ(unit::in_child([&] {
                log::open(temp_.file("log"), level);
                const UniqueFd beside(
                    open_path(temp_.file("beside"), O_WRONLY | O_CREAT | O_TRUNC, 0600));
                log::set_sinks({log::sinks().log, beside.get()});
                log::error("an error {}", 1);
                log::set_pid(77);
                log::warn("a warning {}", 2);
                log::debug("a detail {}", 3);
                return std::string("done");
              }),
              "done");
  }

  unit::TempDir temp_;
};

TEST_F(Log, HasTheFormThatLogReadersKnow) {
  write_at(4);
  EXPECT_THAT(temp_.read("log"), MatchesRegex("\\([0-9]+\\.[0-9]{6}\\) Error an error 1\n"
                                              "\\([0-9]+\\.[0-9]{6}\\)     77: Warn  a warning 2\n"
                                              "\\([0-9]+\\.[0-9]{6}\\)     77: a detail 3\n"));
}

TEST_F(Log, LevelsHoldBack) {
  write_at(2);
  EXPECT_THAT(temp_.read("log"), HasSubstr("a warning 2"));
  EXPECT_THAT(temp_.read("log"), Not(HasSubstr("a detail")));
  write_at(1);
  EXPECT_THAT(temp_.read("log"), Not(HasSubstr("a warning")));
  write_at(0);
  EXPECT_EQ(temp_.read("log"), "");
}

TEST_F(Log, ErrorsAreAlsoTold) {
  for (const int level : {0, 1, 4}) {
    write_at(level);
    EXPECT_EQ(temp_.read("beside"), "Error: an error 1\n");
  }
}

TEST_F(Log, AFileThatCannotBeMadeIsNamed) {
  EXPECT_THAT(unit::in_child([] {
                log::open("/nowhere/log", 2);
                return std::string();
              }),
              ContainsRegex("cannot open the log file /nowhere/log: No such"));
}

}  // namespace
}  // namespace criu
