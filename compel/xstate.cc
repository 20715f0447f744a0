// SPDX-License-Identifier: GPL-2.0-only
#include "compel/xstate.h"

#include <cpuid.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace compel {

namespace {

constexpr unsigned kLeaf = 0xd;
constexpr unsigned kSupervisor = 1;  // of %ecx

struct Answer {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Answer ask(unsigned subleaf) {
  Answer a;
  __cpuid_count(kLeaf, subleaf, a.eax, a.ebx, a.ecx, a.edx);
  return a;
}

}  // namespace

XstatePlace xstate_place(unsigned component) {
  constexpr uint64_t kAsked = 1ULL << 63;
  // Offset and size, 31 bits each. Whoever asks is told the same: no thread minds another one.
  static std::array<std::atomic<uint64_t>, 63> known{};
  uint64_t place = known.at(component);
  if (place == 0) {
    const Answer a = ask(component);
    place = kAsked;
    if ((a.ecx & kSupervisor) == 0) place |= uint64_t{a.ebx} << 31 | a.eax;
    known.at(component) = place;
  }
  constexpr uint64_t kMask = (1ULL << 31) - 1;
  return {static_cast<size_t>(place >> 31 & kMask), static_cast<size_t>(place & kMask)};
}

size_t xstate_size() {
  static const size_t size = ask(0).ebx;
  return size;
}

}  // namespace compel
