// SPDX-License-Identifier: GPL-2.0-only
//
// Chance that can be repeated: everything follows from one seed.
#ifndef RMFORK_TEST_FUZZ_KERNEL_RANDOM_H
#define RMFORK_TEST_FUZZ_KERNEL_RANDOM_H

#include <cstdint>
#include <iterator>
#include <random>

namespace rmfork::fuzz {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }
  // Less than `n`, which is not 0.
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  // From 1 to `n`; small ones are likelier.
  std::uint64_t up_to(std::uint64_t n) { return 1 + below(1 + below(n)); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <typename List>
  const auto& pick(const List& list) {
    return *(std::begin(list) + static_cast<std::ptrdiff_t>(below(std::size(list))));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_RANDOM_H
