// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace compel {

// What compel throws: what was being done, on what, and errno where there is one (else 0).
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, int err = 0)
      : std::runtime_error(err != 0 ? what + ": " + std::strerror(err) : what), err_(err) {}
  int err() const { return err_; }

 private:
  int err_;
};

}  // namespace compel
