// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/tools/command-line.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <string_view>

#include "rmfork/src/format.h"
#include "rmfork/uapi.h"

namespace rmfork::ctl {
namespace {

// That of the project: `criu --version` has it in parentheses.
constexpr char kVersion[] = "0.1";

// How a command may be told which snapshots it is about.
struct Targets {
  std::size_t most_offsets;
  bool images;
  bool all;
  bool needed;
};

struct CommandRow {
  const char* name;
  Command command;
  Targets targets;
};

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

constexpr CommandRow kCommands[] = {
    {"probe", Command::kProbe, {0, false, false, false}},
    {"status", Command::kStatus, {0, false, false, false}},
    {"list", Command::kList, {0, false, false, false}},
    {"info", Command::kInfo, {1, true, false, true}},
    {"verify", Command::kVerify, {kAny, true, true, false}},
    {"free", Command::kFree, {kAny, true, true, true}},
    {"forget-guest", Command::kForgetGuest, {0, false, false, false}},
};

struct OptionRow {
  const char* name;
  char letter;           // 0: none
  const char* argument;  // null: none
  const char* help;
  void (*set)(Request& request, const std::string& value);
};

void set_transport(Request& request, const std::string& value) {
  const auto choice = parse_transport(value);
  if (!choice)
    throw UsageError(rmfork::format("--transport: {} is none of auto, syscall, device", value));
  request.transport = *choice;
}

void set_images(Request& request, const std::string& value) {
  if (value.empty()) throw UsageError("--images needs the name of a directory");
  request.images = value;
}

constexpr OptionRow kOptions[] = {
    {"images", 'D', "DIR", "the snapshots that the images in DIR name", set_images},
    {"all", 0, nullptr, "all snapshots in ubmem",
     [](Request& request, const std::string&) { request.all = true; }},
    {"json", 0, nullptr, "print JSON; sizes are in bytes",
     [](Request& request, const std::string&) { request.json = true; }},
    {"transport", 0, "HOW", "call the kernel by: auto (default), syscall, device", set_transport},
    {"help", 'h', nullptr, "this text",
     [](Request& request, const std::string&) { request.command = Command::kHelp; }},
    {"version", 'V', nullptr, "the version",
     [](Request& request, const std::string&) { request.command = Command::kVersion; }},
};

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& args) : args_(args) {}

  Request parse() {
    while (next_ < args_.size()) {
      const std::string& word = args_[next_++];
      if (word == "--") {
        operands_.insert(operands_.end(), args_.begin() + static_cast<std::ptrdiff_t>(next_),
                         args_.end());
        break;
      }
      if (word.starts_with("--"))
        take_long(word);
      else if (word.size() > 1 && word[0] == '-')
        take_letter(word);
      else
        operands_.push_back(word);
    }
    if (!asked_for_text_) take_operands();
    return request_;
  }

 private:
  void take_long(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto row = std::ranges::find(kOptions, std::string_view(name), &OptionRow::name);
    if (row == std::end(kOptions))
      throw UsageError(rmfork::format("there is no option --{}", name));
    if (equals == std::string::npos) return apply(*row, "--" + name, nullptr);
    const std::string value = word.substr(equals + 1);
    apply(*row, "--" + name, &value);
  }

  void take_letter(const std::string& word) {
    const auto row = word[1] == 0 ? std::end(kOptions)
                                  : std::ranges::find(kOptions, word[1], &OptionRow::letter);
    if (row == std::end(kOptions)) throw UsageError(rmfork::format("there is no option {}", word));
    const std::string value = word.substr(2);
    apply(*row, word.substr(0, 2), value.empty() ? nullptr : &value);
  }

  // `value`: what stands in the same word; null: nothing does.
  void apply(const OptionRow& row, const std::string& as_given, const std::string* value) {
    if (row.argument == nullptr) {
      if (value != nullptr) throw UsageError(rmfork::format("{} takes no value", as_given));
      row.set(request_, {});
      asked_for_text_ |= row.letter == 'h' || row.letter == 'V';
      return;
    }
    if (value == nullptr) {
      if (next_ == args_.size()) throw UsageError(rmfork::format("{} needs a value", as_given));
      value = &args_[next_++];
    }
    row.set(request_, *value);
  }

  void take_operands() {
    if (operands_.empty()) throw UsageError("no command is given");
    const auto row =
        std::ranges::find(kCommands, std::string_view(operands_[0]), &CommandRow::name);
    if (row == std::end(kCommands))
      throw UsageError(rmfork::format("there is no command {}", operands_[0]));
    request_.command = row->command;
    if (row->command == Command::kForgetGuest) return take_guest();
    for (std::size_t i = 1; i < operands_.size(); i++) {
      if (i > row->targets.most_offsets)
        throw UsageError(rmfork::format("{}: what is {} for?", row->name, operands_[i]));
      request_.offsets.push_back(parse_offset(operands_[i]));
    }
    check_targets(*row);
  }

  void take_guest() {
    if (!request_.images.empty() || request_.all)
      throw UsageError("--images and --all make no sense with forget-guest");
    if (operands_.size() != 2) throw UsageError("forget-guest needs the uuid of one guest");
    request_.guest = parse_uuid(operands_[1]);
  }

  void check_targets(const CommandRow& row) const {
    if (!request_.images.empty() && !row.targets.images)
      throw UsageError(rmfork::format("--images makes no sense with {}", row.name));
    if (request_.all && !row.targets.all)
      throw UsageError(rmfork::format("--all makes no sense with {}", row.name));
    const int ways = !request_.offsets.empty() + !request_.images.empty() + request_.all;
    if (ways > 1)
      throw UsageError(
          rmfork::format("{}: an offset, --images and --all exclude each other", row.name));
    if (ways == 0 && row.targets.needed)
      throw UsageError(rmfork::format(
          "{} needs {}", row.name,
          row.targets.all ? "an offset, --images DIR or --all" : "an offset or --images DIR"));
  }

  const std::vector<std::string>& args_;
  std::size_t next_ = 0;
  Request request_;
  bool asked_for_text_ = false;  // --help or --version: no command is needed
  std::vector<std::string> operands_;
};

}  // namespace

std::uint64_t parse_offset(const std::string& text) {
  const bool hex = text.starts_with("0x");
  const char* begin = text.data() + (hex ? 2 : 0);
  const char* end = text.data() + text.size();
  std::uint64_t offset = 0;
  const auto [stop, error] = std::from_chars(begin, end, offset, hex ? 16 : 10);
  if (error != std::errc{} || stop != end ||
      offset > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    throw UsageError(rmfork::format("{} is no offset (0x and hexadecimal digits)", text));
  if (offset == 0) throw UsageError("no snapshot lies at offset 0, that is a superblock's");
  return offset;
}

std::vector<std::uint8_t> parse_uuid(const std::string& text) {
  std::vector<std::uint8_t> uuid;
  std::string digits;
  for (std::size_t at = 0; at < text.size(); at++) {
    const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
    if (dash != (text[at] == '-')) digits.clear();
    if (!dash) digits += text[at];
  }
  for (std::size_t at = 0; at + 2 <= digits.size(); at += 2) {
    std::uint8_t byte = 0;
    const char* end = digits.data() + at + 2;
    if (std::from_chars(digits.data() + at, end, byte, 16).ptr == end) uuid.push_back(byte);
  }
  if (text.size() != 36 || uuid.size() != RMFORK_UUID_BYTES)
    throw UsageError(
        rmfork::format("{} is no uuid (rmforkctl status shows those of guests)", text));
  return uuid;
}

Request parse_command_line(const std::vector<std::string>& args) {
  return Parser(args).parse();
}

std::string help_text() {
  std::string text =
      "Usage:\n"
      "  rmforkctl probe                       say by which ways this kernel has rmfork\n"
      "  rmforkctl status                      the pool of ubmem: size, room, snapshots\n"
      "  rmforkctl list                        all snapshots, oldest first\n"
      "  rmforkctl info OFFSET | --images DIR  one snapshot, or those of images, in full\n"
      "  rmforkctl verify [OFFSET... | --images DIR | --all]\n"
      "                                        is ubmem sound; default: all snapshots\n"
      "  rmforkctl free OFFSET... | --images DIR | --all\n"
      "                                        give the room of snapshots back\n"
      "  rmforkctl forget-guest UUID           drop what a machine has pinned that is gone\n"
      "\nOptions:\n";
  for (const OptionRow& row : kOptions) {
    std::string head = row.letter != 0 ? rmfork::format("  -{}, ", row.letter) : "      ";
    head += rmfork::format("--{}", row.name);
    if (row.argument != nullptr) head += rmfork::format(" {}", row.argument);
    text += rmfork::format("{:<28}{}\n", head, row.help);
  }
  return text;
}

std::string version_text() {
  return rmfork::format("rmforkctl (criu-rmfork {}), ABI version {}, ubmem layout {}\n", kVersion,
                        RMFORK_ABI_VERSION, RMFORK_LAYOUT_VERSION);
}

}  // namespace rmfork::ctl
