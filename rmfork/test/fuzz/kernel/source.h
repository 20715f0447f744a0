// SPDX-License-Identifier: GPL-2.0-only
//
// A process that holds still, with every kind of page a dump can meet: huge, swapped out, in common
// with a child, and many holes, so that there are many ranges and several index blocks.
#ifndef RMFORK_TEST_FUZZ_KERNEL_SOURCE_H
#define RMFORK_TEST_FUZZ_KERNEL_SOURCE_H

#include <sys/types.h>
#include <sys/uio.h>

#include <string>
#include <vector>

#include "rmfork/test/fuzz/kernel/module.h"

namespace rmfork::fuzz {

class Source {
 public:
  static constexpr std::size_t kPages = 1200;  // from the arena's first on
  static std::vector<iovec> region() { return {arena_range(0, kPages)}; }

  // Throws rmfork::Error.
  Source();
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  pid_t pid() const { return pid_; }

  // Whether this process's arena holds what the source's does: empty, or what is wrong.
  static std::string check();

 private:
  pid_t pid_ = -1;
};

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_SOURCE_H
