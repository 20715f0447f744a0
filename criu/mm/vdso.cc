// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/vdso.h"

#include <algorithm>

namespace criu::mm {

namespace {

// Whether only entries of the vDSO and its data lie in that range.
bool is_free_for_vdso(std::span<VmaEntry* const> entries, uint64_t start, uint64_t end) {
  return std::ranges::none_of(entries, [&](const VmaEntry* v) {
    return v->start < end && start < v->end && !is_vdso_entry(*v);
  });
}

// What the task had at a place must be there again. moves: in ascending order.
bool are_covered(std::span<VmaEntry* const> entries, const std::vector<VdsoMove>& moves) {
  for (const VmaEntry* v : entries) {
    if (!is_vdso_entry(*v)) continue;
    uint64_t covered = v->start;
    for (const VdsoMove& m : moves)
      if (m.to <= covered && covered < m.to + m.size) covered = m.to + m.size;
    if (covered < v->end) return false;
  }
  return true;
}

}  // namespace

bool is_vdso_entry(const VmaEntry& v) {
  return (v.status & (kAreaVdso | kAreaVvar)) != 0;
}

bool is_vdso_code(const VmaEntry& v) {
  return (v.status & kAreaVdso) != 0;
}

const VmaEntry* vdso_code(std::span<VmaEntry* const> entries) {
  const auto it = std::ranges::find_if(entries, [](const auto* v) { return is_vdso_code(*v); });
  return it == entries.end() ? nullptr : *it;
}

std::optional<std::vector<VdsoMove>> match_vdso(std::span<VmaEntry* const> entries,
                                                std::span<const Vma> own) {
  const VmaEntry* home = vdso_code(entries);
  const bool has_vdso = home != nullptr;
  const auto first = std::ranges::find_if(entries, [](const auto* v) { return is_vdso_entry(*v); });
  std::vector<VdsoMove> moves;
  if (first == entries.end()) return moves;
  // A task that has unmapped the code has the data still: that is known by where it begins.
  const auto anchor = has_vdso ? std::ranges::find_if(own, &Vma::is_vdso)
                               : std::ranges::find_if(own, &Vma::is_vvar);
  if (anchor == own.end()) return std::nullopt;
  if (has_vdso && anchor->size() != home->end - home->start) return std::nullopt;
  const uint64_t distance = (has_vdso ? home : *first)->start - anchor->start;  // modulo 2^64
  for (const Vma& v : own) {
    if (!(v.is_vdso() && has_vdso) && !v.is_vvar()) continue;
    if (!is_free_for_vdso(entries, v.start + distance, v.end + distance)) return std::nullopt;
    moves.push_back({v.start, v.start + distance, v.size()});
  }
  return are_covered(entries, moves) ? std::optional(moves) : std::nullopt;
}

}  // namespace criu::mm
