// SPDX-License-Identifier: GPL-2.0-only
//
// What the host tells the guest's first process: records `key=value`, each ended by a NUL
// byte, in the file /vm.conf of the initramfs. A key may occur more than once.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vm {

class Config {
 public:
  // Throws std::runtime_error where the file cannot be read.
  static Config load(const char* path);

  // The value of the first record of that key, or an empty string.
  std::string value(const std::string& key) const;
  std::vector<std::string> values(const std::string& key) const;

 private:
  std::vector<std::pair<std::string, std::string>> records_;
};

}  // namespace vm
