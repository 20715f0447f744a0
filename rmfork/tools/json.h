// SPDX-License-Identifier: GPL-2.0-only
//
// A JSON value to print (RFC 8259).
//
//   Json list = Json::array();
//   list.push(Json::object().set("offset", "0x3000").set("pages", 12));
//   out << list.text();
#ifndef RMFORK_TOOLS_JSON_H
#define RMFORK_TOOLS_JSON_H

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rmfork::ctl {

class Json {
 public:
  Json(std::nullptr_t) : literal_("null") {}
  template <std::same_as<bool> T>
  Json(T value) : literal_(value ? "true" : "false") {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T value) : literal_(std::to_string(value)) {}
  Json(std::string_view value) : kind_(Kind::kString), literal_(value) {}
  Json(const std::string& value) : Json(std::string_view(value)) {}
  Json(const char* value) : Json(std::string_view(value)) {}

  static Json object() { return Json(Kind::kObject); }
  static Json array() { return Json(Kind::kArray); }

  // Keys stay in the order they are set in; each is set once.
  Json& set(std::string key, Json value);
  Json& push(Json value);

  // Indented, without a newline at its end. Bytes of a string that are not UTF-8 become U+FFFD.
  std::string text() const;

  // A number, a literal or a string for people: without quotes. Not for objects and arrays.
  const std::string& plain() const { return literal_; }
  bool is_null() const { return kind_ == Kind::kLiteral && literal_ == "null"; }

 private:
  enum class Kind { kLiteral, kString, kArray, kObject };
  explicit Json(Kind kind) : kind_(kind) {}
  void write(std::string& to, std::size_t depth) const;

  Kind kind_ = Kind::kLiteral;
  std::string literal_;
  std::vector<std::pair<std::string, Json>> members_;  // of arrays: with empty keys
};

}  // namespace rmfork::ctl

#endif  // RMFORK_TOOLS_JSON_H
