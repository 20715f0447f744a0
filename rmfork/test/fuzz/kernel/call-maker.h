// SPDX-License-Identifier: GPL-2.0-only
//
// Arguments for the module: right ones, right ones with one thing wrong, and wild ones.
#ifndef RMFORK_TEST_FUZZ_KERNEL_CALL_MAKER_H
#define RMFORK_TEST_FUZZ_KERNEL_CALL_MAKER_H

#include <array>
#include <cstdint>
#include <vector>

#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/random.h"
#include "rmfork/test/fuzz/kernel/shared.h"

namespace rmfork::fuzz {

// What the kernel may write to. Where an address in it is wrong by a bit, it writes to anything in
// it, and to what lies near it: nothing that this program goes by.
struct Arguments {
  rmfork_kargs kargs{};
  std::array<std::uint8_t, 2 * kPage> out{};
};

// One call, with what its addresses point to. Not to be copied: they point into it.
struct Call {
  explicit Call(Arguments& in) : kargs(in.kargs), out(in.out) {}

  rmfork_kargs& kargs;
  std::array<std::uint8_t, 2 * kPage>& out;
  std::vector<iovec> iovs;
};

class CallMaker {
 public:
  // Borrows all.
  CallMaker(const Module& module, Shared& shared, Random& random);

  // `session`: RMFORK_IN_SESSION of the caller's, or 0.
  void make_valid(Call& call, std::uint64_t session);
  void spoil(Call& call);
  void make_wild(Call& call);

  // An address of no use: not mapped, the kernel's, at the end of what is mapped.
  std::uint64_t bad_address();

 private:
  void give_ranges(Call& call);
  void give_out(Call& call, std::size_t least);
  void spoil_ranges(Call& call);
  std::uint64_t interesting();
  pid_t some_target();

  const Module& module_;
  Shared& shared_;
  Random& random_;
  std::vector<const Operation*> operations_;  // the likelier ones several times
  char* edge_;                                // two pages, of which the second is not mapped
};

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_CALL_MAKER_H
