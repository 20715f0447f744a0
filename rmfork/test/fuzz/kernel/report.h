// SPDX-License-Identifier: GPL-2.0-only
//
// Results as lines: "ok - NAME", "not ok - NAME" with "# why" below it, and a summary at the end.
#ifndef RMFORK_TEST_FUZZ_KERNEL_REPORT_H
#define RMFORK_TEST_FUZZ_KERNEL_REPORT_H

#include <cstdio>
#include <string>

namespace rmfork::fuzz {

class Report {
 public:
  void passed(const std::string& name) {
    passed_++;
    std::printf("ok - %s\n", name.c_str());
    std::fflush(stdout);
  }
  void failed(const std::string& name, const std::string& why) {
    failed_++;
    std::printf("not ok - %s\n# %s\n", name.c_str(), why.c_str());
    std::fflush(stdout);
  }
  void skipped(const std::string& name, const std::string& why) {
    skipped_++;
    std::printf("ok - %s # SKIP %s\n", name.c_str(), why.c_str());
    std::fflush(stdout);
  }
  // An empty `why` is a pass.
  void settle(const std::string& name, const std::string& why) {
    if (why.empty())
      passed(name);
    else
      failed(name, why);
  }

  // Prints the totals; the exit status.
  int finish() const {
    std::printf("%d passed, %d failed, %d skipped\n", passed_, failed_, skipped_);
    return failed_ != 0 || passed_ == 0 ? 1 : 0;
  }

 private:
  int passed_ = 0;
  int failed_ = 0;
  int skipped_ = 0;
};

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_REPORT_H
