// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/run-id.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace criu {
namespace {

// Letters and digits stand for themselves, but for x: a hexadecimal digit.
bool is_like(const std::string& text, const std::string& form) {
  return std::ranges::equal(text, form, [](char c, char f) {
    return f == 'x' ? std::string("0123456789abcdef").find(c) != std::string::npos : c == f;
  });
}

TEST(RunId, IsAUuidOfChance) {
  const std::string id = make_run_id();
  EXPECT_TRUE(is_like(id, "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx")) << id;
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
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
