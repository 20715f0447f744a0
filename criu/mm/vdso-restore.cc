// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/vdso-restore.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/mm/mm-dump.h"
#include "criu/mm/restorer-area.h"
#include "criu/mm/vdso-code.h"

namespace criu::mm {

namespace {

using Entries = std::span<VmaEntry* const>;
using OwnVmas = std::span<const Vma>;

// As it stands in the pages image; nothing where that has it not, or in part.
std::vector<uint8_t> stored_code(const VmaEntry& vdso, const PagesImage& pages, int pages_fd) {
  const std::vector<StoredPages> stored = pages.in(vdso.start, vdso.end);
  if (stored.size() != 1 || stored.front().bytes() != vdso.end - vdso.start) return {};
  std::vector<uint8_t> code(vdso.end - vdso.start);
  if (pread(pages_fd, code.data(), code.size(), static_cast<off_t>(stored.front().offset)) !=
      static_cast<ssize_t>(code.size()))
    fail_errno("cannot read the vDSO from the pages image");
  return code;
}

std::span<const uint8_t> own_code(OwnVmas own) {
  const auto it = std::ranges::find_if(own, &Vma::is_vdso);
  if (it == own.end()) return {};
  return {reinterpret_cast<const uint8_t*>(it->start), it->size()};
}

// What the task's looked like; nothing where that is not known.
std::optional<uint64_t> hash_of(const MmEntry& mm, const VmaEntry& vdso, const PagesImage& pages,
                                int pages_fd) {
  if (mm.has_vdso_hash) return mm.vdso_hash;
  // Others than this project tell by the pages alone.
  const std::vector<uint8_t> code = stored_code(vdso, pages, pages_fd);
  return code.empty() ? std::nullopt : std::optional(fnv1a(code.data(), code.size()));
}

bool is_own(std::optional<uint64_t> hash, OwnVmas own) {
  const auto ours = own_code(own);
  return !hash || fnv1a(ours.data(), ours.size()) == *hash;
}

// Where neither this process has anything nor the task will.
uint64_t hole_beside(const MmEntry& mm, std::vector<Interval> taken, uint64_t size) {
  append_wanted(taken, mm);
  for (const Vma& v : own_vmas()) taken.push_back({v.start, v.end});
  const auto hole = find_hole(std::move(taken), size);
  if (!hole) fail("no free range of {} bytes for the vDSO", size);
  return *hole;
}

// What it would go on with reads data that are there no more.
void check_no_thread_in(const PlannedTask& task, const VmaEntry& vdso) {
  for (size_t i = 0; i < task.cores.size(); i++) {
    const uint64_t ip = task.cores[i]->thread_info->gpregs->ip;
    if (ip >= vdso.start && ip < vdso.end)
      fail(
          "thread {} was dumped in the middle of a function of its vDSO, and this kernel has "
          "another vDSO: a dump of another moment will do",
          task.threads[i]);
  }
}

// All that this process has, with the distances in between, from `to` on.
std::vector<VdsoMove> move_all(OwnVmas own, uint64_t from, uint64_t to) {
  std::vector<VdsoMove> moves;
  for (const Vma& v : own)
    if (v.is_vdso() || v.is_vvar()) moves.push_back({v.start, v.start - from + to, v.size()});
  return moves;
}

// Memory of no file. Of the data nothing is left: zeros tell the old code that there is no clock to
// be read without the kernel.
pie::MapRequest stand_in(const VmaEntry& v) {
  pie::MapRequest m{};
  m.start = v.start, m.end = v.end;
  m.prot = m.fill_prot = v.prot;
  m.flags = MAP_PRIVATE | MAP_ANONYMOUS;
  m.fd = -1;
  return m;
}

uint64_t map_code(const MmEntry& mm, Interval vdso, const std::vector<uint8_t>& code) {
  const uint64_t at = hole_beside(mm, {vdso}, code.size());
  void* p = mmap(reinterpret_cast<void*>(at), code.size(), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (p != reinterpret_cast<void*>(at)) fail_errno("cannot map the code of a vDSO");
  std::memcpy(p, code.data(), code.size());
  return at;
}

VdsoPlan keep_other(const PlannedTask& task, std::vector<uint8_t> code, OwnVmas own) {
  const MmEntry& mm = *task.mm;
  const Entries entries{mm.vmas, mm.n_vmas};
  const VmaEntry* vdso = vdso_code(entries);
  VdsoPlan plan;
  for (const VmaEntry* v : entries)
    if (is_vdso_entry(*v)) plan.maps.push_back(stand_in(*v));
  if (vdso == nullptr) return plan;  // data that nobody reads: the task has unmapped the code
  if (code.empty() ||
      std::ranges::count_if(entries, [](const auto* v) { return is_vdso_code(*v); }) != 1)
    fail("task {} was dumped on a kernel with another vDSO, and its images do not hold that whole",
         task.pid);
  check_no_thread_in(task, *vdso);

  Interval range{~uint64_t{0}, 0};
  for (const Vma& v : own)
    if (v.is_vdso() || v.is_vvar())
      range = {std::min(range.start, v.start), std::max(range.end, v.end)};
  uint64_t to = 0;
  if (range.end != 0) {
    to = hole_beside(mm, {}, range.end - range.start);
    plan.moves = move_all(own, range.start, to);
  }
  const auto ours = own_code(own);
  const uint64_t ours_at = reinterpret_cast<uint64_t>(ours.data()) - range.start + to;
  redirect_vdso(code, ours, ours_at);
  const uint64_t ready = map_code(mm, {to, to + (range.end - range.start)}, code);
  auto& code_map = *std::ranges::find(plan.maps, vdso->start, &pie::MapRequest::start);
  code_map.ready_at = ready, code_map.fill_prot = PROT_READ | PROT_WRITE;
  log::info("task {}: keeps another kernel's vDSO at {:#x}, whose functions go to {}", task.pid,
            vdso->start, ours.empty() ? "the kernel" : fmt::format("{:#x}", ours_at));
  return plan;
}

}  // namespace

VdsoPlan plan_vdso(const PlannedTask& task, std::span<const Vma> own, const PagesImage& pages,
                   int pages_fd) {
  const Entries entries{task.mm->vmas, task.mm->n_vmas};
  const VmaEntry* vdso = vdso_code(entries);
  if (auto moves = match_vdso(entries, own);
      moves && (vdso == nullptr || is_own(hash_of(*task.mm, *vdso, pages, pages_fd), own)))
    return {std::move(*moves), {}};
  std::vector<uint8_t> code;
  if (vdso != nullptr) code = stored_code(*vdso, pages, pages_fd);
  return keep_other(task, std::move(code), own);
}

}  // namespace criu::mm
