// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/tools/json.h"

#include "rmfork/src/format.h"

namespace rmfork::ctl {
namespace {

constexpr char kReplacement[] = "\xef\xbf\xbd";  // U+FFFD

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// Length of the well-formed UTF-8 sequence that `text` begins with; 0: there is none. No overlong
// form, no surrogate, nothing above U+10FFFF (RFC 3629).
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; i++)
    if (!is_continuation(text[i])) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0)) return 0;
  if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) return 0;
  return length;
}

void write_string(std::string& to, std::string_view text) {
  to += '"';
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const char c = text[0];
    if (length == 0)
      to += kReplacement;
    else if (c == '"' || c == '\\')
      to += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      to += rmfork::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      to += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  to += '"';
}

void new_line(std::string& to, std::size_t depth) {
  to += '\n';
  to.append(2 * depth, ' ');
}

}  // namespace

Json& Json::set(std::string key, Json value) {
  members_.emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  members_.emplace_back(std::string(), std::move(value));
  return *this;
}

void Json::write(std::string& to, std::size_t depth) const {
  if (kind_ == Kind::kLiteral) {
    to += literal_;
    return;
  }
  if (kind_ == Kind::kString) return write_string(to, literal_);
  to += kind_ == Kind::kObject ? '{' : '[';
  bool first = true;
  for (const auto& [key, value] : members_) {
    if (!std::exchange(first, false)) to += ',';
    new_line(to, depth + 1);
    if (kind_ == Kind::kObject) {
      write_string(to, key);
      to += ": ";
    }
    value.write(to, depth + 1);
  }
  if (!members_.empty()) new_line(to, depth);
  to += kind_ == Kind::kObject ? '}' : ']';
}

std::string Json::text() const {
  std::string text;
  write(text, 0);
  return text;
}

}  // namespace rmfork::ctl
