// SPDX-License-Identifier: GPL-2.0-only
//
// Lets an allocation, or a copy from or to user memory, of the calling thread fail, in the
// kernel (Documentation/fault-injection/fault-injection.rst, "fail-nth").
//
//   FailNth fail;
//   fail.arm(3);
//   long ret = module.issue(kargs);
//   bool struck = fail.disarm();   // false: the call has no third one
#ifndef RMFORK_TEST_FUZZ_KERNEL_FAIL_NTH_H
#define RMFORK_TEST_FUZZ_KERNEL_FAIL_NTH_H

#include "rmfork/fd.h"

namespace rmfork::fuzz {

class FailNth {
 public:
  // Makes every kind of allocation fit to fail, without a report each time. Once per boot. False:
  // the kernel cannot do it, or debugfs is not mounted.
  static bool prepare();

  // For the thread that calls; not across fork().
  FailNth();

  explicit operator bool() const { return static_cast<bool>(fd_); }
  // `n` counts from 1. Without effect where the kernel cannot do it.
  void arm(unsigned n);
  bool disarm();

 private:
  Fd fd_;
};

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_FAIL_NTH_H
