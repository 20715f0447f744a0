// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

// The code of a vDSO (vdso(7)): a shared object that the kernel maps as a whole, at one place.
namespace criu::mm {

struct VdsoFunction {
  std::string name;           // as the C library looks it up, such as __vdso_time
  uint64_t at = 0, size = 0;  // from the beginning of the code; bytes
};

// What it exports. Throws Error where this is no vDSO, or a damaged one.
std::vector<VdsoFunction> vdso_functions(std::span<const uint8_t> code);

// Makes the functions of a vDSO jump to those of the same name in another one, which will lie at
// other_at (empty: there is none), or call the kernel where that has none. What does not look at
// the kernel's data stays as it is. The code may then lie anywhere, without its own data. Throws
// Error where it has a function that nothing is known of.
void redirect_vdso(std::span<uint8_t> code, std::span<const uint8_t> other, uint64_t other_at);

}  // namespace criu::mm
