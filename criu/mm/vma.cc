// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/vma.h"

#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"

namespace criu::mm {

namespace {

// "start-end perms offset dev inode   name"; false where the line is none of these.
bool parse_header(std::string_view line, Vma& v) {
  const size_t dash = line.find('-');
  const size_t blank = line.find(' ');
  if (dash == std::string_view::npos || blank == std::string_view::npos || dash > blank)
    return false;
  v = Vma{};
  v.start = proc::to_u64(line.substr(0, dash), 16);
  v.end = proc::to_u64(line.substr(dash + 1, blank - dash - 1), 16);
  line.remove_prefix(blank + 1);
  if (line.size() < 5) return false;
  if (line[0] == 'r') v.prot |= PROT_READ;
  if (line[1] == 'w') v.prot |= PROT_WRITE;
  if (line[2] == 'x') v.prot |= PROT_EXEC;
  v.shared = line[3] == 's';
  line.remove_prefix(5);
  v.offset = proc::to_u64(line, 16);
  line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  v.dev = makedev(static_cast<unsigned>(proc::to_u64(line.substr(0, colon), 16)),
                  static_cast<unsigned>(proc::to_u64(line.substr(colon + 1), 16)));
  line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
  v.inode = proc::to_u64(line);
  line.remove_prefix(std::min(line.find(' '), line.size()));
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  v.name = line;
  return true;
}

void apply_flag(std::string_view flag, Vma& v) {
  const auto advice = [&](int n) { v.madvise |= 1ULL << n; };
  if (flag == "mw")
    v.may_write = true;
  else if (flag == "gd")
    v.grows_down = true;
  else if (flag == "lo")
    v.locked = true;
  else if (flag == "lf")
    v.lock_on_fault = true;
  // Kernels that do not name VM_LOCKONFAULT yet print this for it, behind "lo" (task_mmu.c); no
  // other flag of a locked mapping is without a name there.
  else if (flag == "??" && v.locked)
    v.lock_on_fault = true;
  else if (flag == "nr")
    v.no_reserve = true;
  else if (flag == "ht")
    v.huge_tlb = true, v.counted = false;  // such pages are counted elsewhere
  else if (flag == "io" || flag == "pf")
    v.io_or_pfn = true;
  else if (flag == "mm")
    v.mixed = true;
  else if (flag == "um" || flag == "uw" || flag == "ui")
    v.userfault = true;
  else if (flag == "ss")
    v.shadow_stack = true;
  else if (flag == "sl")
    v.sealed = true;
  else if (flag == "dp")
    v.droppable = true;
  else if (flag == "sr")
    advice(MADV_SEQUENTIAL);
  else if (flag == "rr")
    advice(MADV_RANDOM);
  else if (flag == "dc")
    advice(MADV_DONTFORK);
  else if (flag == "wf")
    advice(MADV_WIPEONFORK);
  else if (flag == "mg")
    advice(MADV_MERGEABLE);
  else if (flag == "hg")
    advice(MADV_HUGEPAGE);
  else if (flag == "nh")
    advice(MADV_NOHUGEPAGE);
  else if (flag == "dd")
    advice(MADV_DONTDUMP);
}

void apply_flags(std::string_view flags, Vma& v) {
  while (flags.size() >= 2) {
    if (flags[0] == ' ') {
      flags.remove_prefix(1);
      continue;
    }
    apply_flag(flags.substr(0, 2), v);
    flags.remove_prefix(2);
  }
}

// The bytes that a line of smaps tells, "Rss:   12 kB", where it begins with that key.
bool read_count(std::string_view line, std::string_view key, uint64_t& bytes) {
  if (!line.starts_with(key)) return false;
  line.remove_prefix(key.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  bytes = proc::to_u64(line) << 10;
  return true;
}

void apply_count(std::string_view line, Vma& v) {
  if (read_count(line, "Rss:", v.resident) || read_count(line, "Anonymous:", v.anonymous)) return;
  if (line.starts_with("Shared_")) {
    uint64_t bytes = 0;
    if (read_count(line, "Shared_Clean:", bytes) || read_count(line, "Shared_Dirty:", bytes))
      v.in_common += bytes;
    return;
  }
  if (read_count(line, "Swap:", v.swapped)) v.counted = true;  // the last of them
}

}  // namespace

std::vector<Vma> parse_smaps(std::string_view text) {
  constexpr std::string_view kFlags = "VmFlags:", kPkey = "ProtectionKey:";
  std::vector<Vma> vmas;
  proc::each_line(text, [&](std::string_view line) {
    if (line.empty()) return;
    const bool hex = (line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f');
    if (hex) {
      Vma v;
      if (!parse_header(line, v)) fail("a line of smaps cannot be read: {}", line);
      if (v.name != "[vsyscall]")
        vmas.push_back(std::move(v));
      else
        vmas.push_back(Vma{});
    } else if (!vmas.empty() && line.starts_with(kFlags)) {
      apply_flags(line.substr(kFlags.size()), vmas.back());
    } else if (!vmas.empty() && line.starts_with(kPkey)) {
      vmas.back().pkey = static_cast<unsigned>(proc::to_u64(line.substr(kPkey.size())));
    } else if (!vmas.empty()) {
      apply_count(line, vmas.back());
    }
  });
  std::erase_if(vmas, [](const Vma& v) { return v.end == 0; });
  // The vDSO's data pages are VM_IO|VM_PFNMAP by nature; nobody has to mind that.
  for (Vma& v : vmas)
    if (v.is_vvar() || v.is_vdso()) v.io_or_pfn = v.mixed = false, v.madvise = 0;
  return vmas;
}

std::string_view Vma::anon_name() const {
  for (const std::string_view prefix : {"[anon:", "[anon_shmem:"})
    if (name.starts_with(prefix) && name.ends_with(']'))
      return std::string_view(name).substr(prefix.size(), name.size() - prefix.size() - 1);
  return {};
}

std::string Vma::map_files(pid_t pid) const {
  return fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, start, end);
}

std::vector<Vma> read_vmas(pid_t pid) {
  std::vector<Vma> vmas = parse_smaps(read_file(proc::path(pid, "smaps")));
  for (Vma& v : vmas)
    if (v.name.starts_with("[anon_shmem:")) v.behind = read_link(v.map_files(pid));
  return vmas;
}

}  // namespace criu::mm
