// SPDX-License-Identifier: GPL-2.0-only
//
// Hostile input for the rmfork module, as root beside it:
//
//   rmfork-fuzz calls [--seed N] [--seconds N] [--jobs N]
//       right, wrong and wild calls, all at once
//   rmfork-fuzz faults
//       every allocation of each operation fails
//   rmfork-fuzz damage
//       every byte that ubmem keeps, changed
//   rmfork-fuzz unloads --module FILE
//       the module goes whenever nobody needs it
//   rmfork-fuzz owners --module FILE --range ADDRESS
//       another machine takes the pool over
//
// Several may be named, one after the other. Prints `N passed, N failed, N skipped`.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <string>
#include <vector>

#include "rmfork/test/fuzz/kernel/calls.h"
#include "rmfork/test/fuzz/kernel/damage.h"
#include "rmfork/test/fuzz/kernel/faults.h"
#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/others.h"
#include "rmfork/test/fuzz/kernel/owners.h"
#include "rmfork/test/fuzz/kernel/report.h"
#include "rmfork/test/fuzz/kernel/shared.h"
#include "rmfork/test/fuzz/kernel/unloads.h"

namespace {

using namespace rmfork::fuzz;

int usage() {
  std::fprintf(
      stderr,
      "usage: rmfork-fuzz [--seed N] [--seconds N] [--jobs N] "
      "[--module FILE] [--range ADDRESS] calls|contents|faults|damage|others|unloads|owners...\n");
  return 2;
}

// False: not a number from `least` to `most`.
template <typename T>
bool parse(const char* text, std::uint64_t least, std::uint64_t most, T& out) {
  char* end = nullptr;
  std::uint64_t value = std::strtoull(text, &end, 0);
  if (*text == '\0' || *end != '\0' || value < least || value > most) return false;
  out = static_cast<T>(value);
  return true;
}

bool parse_option(const std::string& name, const char* value, CallsOptions& options) {
  if (name == "--seed") return parse(value, 0, ~0ULL, options.seed);
  if (name == "--seconds") return parse(value, 1, 86400, options.seconds);
  if (name == "--jobs") return parse(value, 1, kMostJobs, options.jobs);
  if (name == "--module") options.module = value;
  if (name == "--range") return parse(value, 1, ~0ULL, options.range);
  return name == "--module";
}

const char* const kParts[] = {"calls",  "contents", "faults", "damage",
                              "others", "unloads",  "owners"};

void run_part(const std::string& part, Module& module, const CallsOptions& options,
              Report& report) {
  if (part == "calls") fuzz_calls(module, options, report);
  if (part == "others") meet_others(module, options, report);
  if (part == "contents") check_contents(module, options, report);
  if (part == "faults") fail_everything(module, report);
  if (part == "damage") damage_everything(module, options.seed, report);
  if (part == "unloads") unload_often(module, options, report);
  if (part == "owners") take_over(module, options, report);
}

}  // namespace

int main(int argc, char** argv) {
  CallsOptions options;
  options.seed = static_cast<std::uint64_t>(time(nullptr));
  std::vector<std::string> parts;
  for (int i = 1; i < argc; i++) {
    std::string arg = argv[i];
    if (arg.starts_with("--")) {
      if (i + 1 == argc || !parse_option(arg, argv[i + 1], options)) return usage();
      i++;
    } else if (std::ranges::find(kParts, arg) != std::end(kParts)) {
      parts.push_back(arg);
    } else {
      return usage();
    }
  }
  if (parts.empty()) return usage();
  Report report;
  try {
    Module module;
    for (const std::string& part : parts) run_part(part, module, options, report);
  } catch (const std::exception& e) {
    report.failed("the fuzzer itself", e.what());
  }
  return report.finish();
}
