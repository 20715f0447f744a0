// SPDX-License-Identifier: GPL-2.0-only
#include "config.h"

#include <fstream>
#include <stdexcept>

namespace vm {

Config Config::load(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(std::string("cannot read ") + path);
  Config config;
  for (std::string record; std::getline(in, record, '\0');) {
    const auto equals = record.find('=');
    if (equals == std::string::npos)
      throw std::runtime_error("record without a key in " + std::string(path));
    config.records_.emplace_back(record.substr(0, equals), record.substr(equals + 1));
  }
  return config;
}

std::string Config::value(const std::string& key) const {
  for (const auto& [k, v] : records_)
    if (k == key) return v;
  return "";
}

std::vector<std::string> Config::values(const std::string& key) const {
  std::vector<std::string> found;
  for (const auto& [k, v] : records_)
    if (k == key) found.push_back(v);
  return found;
}

}  // namespace vm
