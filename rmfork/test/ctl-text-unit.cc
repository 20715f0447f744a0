// SPDX-License-Identifier: GPL-2.0-only
//
// What rmforkctl reads from its command line, and how it writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rmfork/tools/command-line.h"
#include "rmfork/tools/json.h"
#include "rmfork/tools/text.h"

namespace rmfork::ctl {
namespace {

std::string refusal(const std::vector<std::string>& args) {
  try {
    parse_command_line(args);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(CommandLine, OptionsStandAnywhere) {
  const Request r = parse_command_line({"--json", "free", "0x3000", "--transport=device", "16384"});
  EXPECT_EQ(r.command, Command::kFree);
  EXPECT_TRUE(r.json);
  EXPECT_EQ(r.transport, TransportChoice::kDevice);
  EXPECT_EQ(r.offsets, (std::vector<std::uint64_t>{0x3000, 0x4000}));
  EXPECT_EQ(parse_command_line({"info", "-D", "a b"}).images, "a b");
  EXPECT_EQ(parse_command_line({"info", "-Dx"}).images, "x");
  EXPECT_EQ(parse_command_line({"verify", "--", "0x1000"}).offsets.size(), 1u);
}

TEST(CommandLine, HelpAndVersionNeedNoCommand) {
  EXPECT_EQ(parse_command_line({"--help"}).command, Command::kHelp);
  EXPECT_EQ(parse_command_line({"free", "-h"}).command, Command::kHelp);
  EXPECT_EQ(parse_command_line({"-V"}).command, Command::kVersion);
}

TEST(CommandLine, EachMistakeIsNamed) {
  EXPECT_EQ(refusal({}), "no command is given");
  EXPECT_EQ(refusal({"drop"}), "there is no command drop");
  EXPECT_EQ(refusal({"list", "--jsno"}), "there is no option --jsno");
  EXPECT_EQ(refusal({"list", "-j"}), "there is no option -j");
  EXPECT_EQ(refusal({"list", "--json=1"}), "--json takes no value");
  EXPECT_EQ(refusal({"list", "--transport"}), "--transport needs a value");
  EXPECT_EQ(refusal({"list", "--transport", "ioctl"}),
            "--transport: ioctl is none of auto, syscall, device");
  EXPECT_EQ(refusal({"list", "0x3000"}), "list: what is 0x3000 for?");
  EXPECT_EQ(refusal({"info", "0x3000", "0x4000"}), "info: what is 0x4000 for?");
  EXPECT_EQ(refusal({"info", "--all"}), "--all makes no sense with info");
  EXPECT_EQ(refusal({"probe", "-D", "x"}), "--images makes no sense with probe");
  EXPECT_EQ(refusal({"info", "--images", ""}), "--images needs the name of a directory");
  EXPECT_EQ(refusal({"verify", "--all", "0x3000"}),
            "verify: an offset, --images and --all exclude each other");
  EXPECT_EQ(refusal({"info"}), "info needs an offset or --images DIR");
  EXPECT_EQ(refusal({"forget-guest"}), "forget-guest needs the uuid of one guest");
  EXPECT_EQ(refusal({"forget-guest", "--all"}),
            "--images and --all make no sense with forget-guest");
  for (const char* text :
       {"0x3000", "01020304-0506-0708-090a-0b0c0d0e0f1", "", "01020304-0506-0708-090a-0b0c0d0e0f1g",
        "010203040506-0708-090a-0b0c0d0e0f1011"})
    EXPECT_THAT(refusal({"forget-guest", text}), testing::HasSubstr("is no uuid")) << text;
  EXPECT_EQ(parse_uuid("01020304-0506-0708-090A-0b0c0d0e0fff"),
            (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}));
}

TEST(CommandLine, OffsetsAreHexadecimalOrDecimal) {
  EXPECT_EQ(parse_offset("0xfF000"), 0xff000u);
  EXPECT_EQ(parse_offset("4096"), 4096u);
  EXPECT_EQ(parse_offset("0x7fffffffffffffff"), 0x7fffffffffffffffu);
  for (const char* text : {"", "0x", "0x10g", "1 ", " 1", "+1", "0x-1", "1e3", "0X10",
                           "0x8000000000000000", "99999999999999999999"})
    EXPECT_THROW(parse_offset(text), UsageError) << text;
  for (const char* text : {"0", "0x0"}) EXPECT_THROW(parse_offset(text), UsageError) << text;
}

TEST(JsonText, EscapesWhatItMust) {
  EXPECT_EQ(Json("a\"b\\c\n\t\x1f\x7f").text(), R"("a\"b\\c\u000a\u0009\u001f\u007f")");
  EXPECT_EQ(Json(std::string(1, '\0')).text(), R"("\u0000")");
}

TEST(JsonText, KeepsUtf8AndReplacesTheRest) {
  EXPECT_EQ(Json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x8d\xb4").text(),
            "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8d\xb4\"");
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(Json("a\xff"
                 "b")
                .text(),
            "\"a" + bad + "b\"");
  EXPECT_EQ(Json("\xc3").text(), "\"" + bad + "\"");
  EXPECT_EQ(Json("\xc0\xaf").text(), "\"" + bad + bad + "\"");            // overlong
  EXPECT_EQ(Json("\xed\xa0\x80").text(), "\"" + bad + bad + bad + "\"");  // a surrogate
  EXPECT_EQ(Json("\xf4\x90\x80\x80").text(), "\"" + bad + bad + bad + bad + "\"");
}

TEST(JsonText, NestsAndIndents) {
  Json list = Json::array();
  list.push(Json::object().set("a", 1).set("b", nullptr)).push(Json::array()).push(true);
  EXPECT_EQ(list.text(), "[\n  {\n    \"a\": 1,\n    \"b\": null\n  },\n  [],\n  true\n]");
  EXPECT_EQ(Json::object().text(), "{}");
  EXPECT_EQ(Json(18446744073709551615ULL).text(), "18446744073709551615");
}

TEST(Text, SizesForPeople) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(4096), "4.0 KiB");
  EXPECT_EQ(size_text((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(size_text(3ULL << 29), "1.5 GiB");
  EXPECT_EQ(size_text(~0ULL), "16.0 EiB");
}

TEST(Text, NothingReachesTheTerminalUnescaped) {
  EXPECT_EQ(printable("a\x1b[2J\n\xc3\xa9 ~"), "a\\x1b[2J\\x0a\\xc3\\xa9 ~");
}

TEST(Text, TimesToTheNanosecond) {
  EXPECT_EQ(utc_time_text(1'700'000'000'000'000'007), "2023-11-14T22:13:20.000000007Z");
}

TEST(Text, TablesAlign) {
  Table table({Table::Align::kLeft, Table::Align::kRight, Table::Align::kLeft});
  table.add({"a", "1", "x"});
  table.add({"bcd", "23", ""});
  EXPECT_EQ(table.text(), "a     1  x\nbcd  23\n");
}

}  // namespace
}  // namespace rmfork::ctl
