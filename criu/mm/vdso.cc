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

}  // namespace

bool is_vdso_entry(const VmaEntry& v) {
  return (v.status & (kAreaVdso | kAreaVvar)) != 0;
}

std::optional<std::vector<VdsoMove>> match_vdso(std::span<VmaEntry* const> entries,
                                                std::span<const Vma> own) {
  const auto home =
      std::ranges::find_if(entries, [](const VmaEntry* v) { return (v->status & kAreaVdso) != 0; });
  const auto vdso = std::ranges::find_if(own, &Vma::is_vdso);
  std::vector<VdsoMove> moves;
  if (home == entries.end()) {
    if (std::ranges::any_of(entries, [](const VmaEntry* v) { return is_vdso_entry(*v); }))
      return std::nullopt;
    return moves;
  }
  if (vdso == own.end() || vdso->size() != (*home)->end - (*home)->start) return std::nullopt;
  const uint64_t distance = (*home)->start - vdso->start;  // modulo 2^64
  for (const Vma& v : own) {
    if (!v.is_vdso() && !v.is_vvar()) continue;
    if (!is_free_for_vdso(entries, v.start + distance, v.end + distance)) return std::nullopt;
    moves.push_back({v.start, v.start + distance, v.size()});
  }
  // What the task had at a place must be there again.
  for (const VmaEntry* v : entries) {
    if (!is_vdso_entry(*v)) continue;
    uint64_t covered = v->start;
    for (const VdsoMove& m : moves)  // in ascending order
      if (m.to <= covered && covered < m.to + m.size) covered = m.to + m.size;
    if (covered < v->end) return std::nullopt;
  }
  return moves;
}

}  // namespace criu::mm
