// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/run-id.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace criu {
namespace {

TEST(RunId, IsAUuidOfChance) {
  const std::string id = make_run_id();
  const std::regex uuid("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  EXPECT_TRUE(std::regex_match(id, uuid)) << id;
  EXPECT_TRUE(is_run_id(id));
  EXPECT_NE(id, make_run_id());
}

TEST(RunId, IsNothingThatCommandsAreMadeOf) {
  for (const char* text : {"", "1; flush ruleset", "a b", "a\nb", "../a", "{"})
    EXPECT_FALSE(is_run_id(text)) << text;
  EXPECT_FALSE(is_run_id(std::string(65, 'a')));
}

}  // namespace
}  // namespace criu
