// SPDX-License-Identifier: GPL-2.0-only
#include "compel/gadgets.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <tuple>

#include "compel/error.h"

namespace compel {

namespace {

// A libc's text is 1.5 MiB, and what is looked for lies in it early: text is read in pieces. They
// are small at first, as each new page of the buffer costs more than a system call.
constexpr size_t kPiece = 16 * 1024, kLatePiece = 512 * 1024;
constexpr size_t kLate = 1024 * 1024;
constexpr size_t kOverlap = 64;
// Nobody's text is searched for longer than this (a browser has hundreds of MiB of it).
constexpr size_t kMaxSearched = 64 * 1024 * 1024;

// The instructions behind a `syscall`: pops, additions to %rsp, and a ret. Length until the ret or
// -1. Callee-saved registers are popped; the frame that follows restores them all.
int64_t tail_drop(std::span<const uint8_t> code) {
  size_t i = 0;
  uint32_t drop = 0;
  while (i < code.size()) {
    const uint8_t op = code[i];
    const size_t left = code.size() - i;
    if (op == 0xc3) return drop;
    if (op >= 0x58 && op <= 0x5f && op != 0x5c) {  // pop %reg, not %rsp
      drop += 8;
      i += 1;
    } else if (op == 0x41 && left >= 2 && code[i + 1] >= 0x58 &&
               code[i + 1] <= 0x5f) {  // pop %r8..
      drop += 8;
      i += 2;
    } else if (op == 0x48 && left >= 4 && code[i + 1] == 0x83 && code[i + 2] == 0xc4 &&
               code[i + 3] < 0x80) {  // add $imm8, %rsp
      drop += code[i + 3];
      i += 4;
    } else {
      return -1;
    }
  }
  return -1;
}

bool is_text(const Range& r) {
  return r.executable && r.readable;
}

// The first address where a range like the one of before has again, at the same place, what is
// looked for; 0: nowhere.
template <typename Found>
uint64_t find_again(const Memory& memory, std::span<const Range> ranges,
                    const GadgetMemo::Place& place, Found found) {
  std::array<uint8_t, kOverlap> bytes{};
  for (const Range& r : ranges) {
    if (!is_text(r) || r.end - r.start != place.range_bytes) continue;
    const uint64_t at = r.start + place.offset;
    const size_t n = memory.read_some(at, bytes.data(), std::min(bytes.size(), r.end - at));
    if (found(std::span<const uint8_t>(bytes.data(), n))) return at;
  }
  return 0;
}

void find_both_again(const Memory& memory, std::span<const Range> ranges, const GadgetMemo& memo,
                     Gadgets& gadgets) {
  gadgets.syscall_ret = find_again(memory, ranges, memo.syscall_ret, [&](auto bytes) {
    return find_syscall_ret(bytes, gadgets.drop) == 0;
  });
  gadgets.sigreturn = find_again(memory, ranges, memo.sigreturn,
                                 [](auto bytes) { return find_sigreturn(bytes) == 0; });
}

}  // namespace

int64_t find_syscall_ret(std::span<const uint8_t> text, uint32_t& drop) {
  static constexpr uint8_t kSyscall[] = {0x0f, 0x05};
  auto it = text.begin();
  for (;;) {
    it = std::search(it, text.end(), std::begin(kSyscall), std::end(kSyscall));
    if (it == text.end()) return -1;
    const size_t at = static_cast<size_t>(it - text.begin());
    const int64_t d = tail_drop(text.subspan(at + 2, std::min<size_t>(32, text.size() - at - 2)));
    if (d >= 0) {
      drop = static_cast<uint32_t>(d);
      return static_cast<int64_t>(at);
    }
    ++it;
  }
}

int64_t find_sigreturn(std::span<const uint8_t> text) {
  static constexpr uint8_t kLong[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
  static constexpr uint8_t kShort[] = {0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};
  auto it = std::search(text.begin(), text.end(), std::begin(kLong), std::end(kLong));
  if (it == text.end())
    it = std::search(text.begin(), text.end(), std::begin(kShort), std::end(kShort));
  return it == text.end() ? -1 : it - text.begin();
}

Gadgets find_gadgets(const Memory& memory, std::span<const Range> ranges, GadgetMemo& memo) {
  Gadgets found;
  find_both_again(memory, ranges, memo, found);
  std::vector<Range> text;
  for (const Range& r : ranges)
    if (is_text(r)) text.push_back(r);
  // Of files first high addresses, where shared libraries are. What a compiler has made at run time
  // may be hundreds of MiB with nothing in it.
  std::ranges::sort(text, std::ranges::greater{}, [](const Range& r) {
    return std::tuple(r.vdso, r.file, r.start);
  });

  size_t searched = 0;
  std::vector<uint8_t> piece;
  const auto is_complete = [&] { return found.syscall_ret != 0 && found.sigreturn != 0; };
  for (const Range& r : text) {
    size_t step = 0;
    for (uint64_t at = r.start; at < r.end && !is_complete(); at += step) {
      step = searched < kLate ? kPiece : kLatePiece;
      const size_t wanted = std::min<uint64_t>(step + kOverlap, r.end - at);
      if (piece.size() < wanted) piece.resize(step + kOverlap);
      const size_t n = memory.read_some(at, piece.data(), wanted);
      const std::span<const uint8_t> bytes(piece.data(), n);
      const auto note = [&](uint64_t& gadget, GadgetMemo::Place& place, int64_t offset) {
        if (offset < 0) return;
        gadget = at + static_cast<uint64_t>(offset);
        place = {r.end - r.start, gadget - r.start};
      };
      if (found.syscall_ret == 0)
        note(found.syscall_ret, memo.syscall_ret, find_syscall_ret(bytes, found.drop));
      if (found.sigreturn == 0) note(found.sigreturn, memo.sigreturn, find_sigreturn(bytes));
      searched += n;
      if (n < wanted || searched > kMaxSearched) break;
    }
    if (searched > kMaxSearched || is_complete()) break;
  }
  if (is_complete()) return found;
  throw Error(found.sigreturn == 0
                  ? "the task has no rt_sigreturn in its text (a program without a libc): it could "
                    "not be left safely"
                  : "the task has no usable syscall instruction in its vDSO or text");
}

}  // namespace compel
