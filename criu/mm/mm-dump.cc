// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/mm-dump.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "compel/memory.h"
#include "compel/parasite.h"
#include "criu/base/error.h"
#include "criu/base/proc.h"
#include "criu/files/huge-pages.h"
#include "criu/mm/restorer-area.h"
#include "criu/mm/vdso.h"

namespace criu::mm {

namespace {

// A mapping of shared anonymous memory as mmap(2) makes it. A private one, and one by a descriptor
// that cannot be written to, are mapped as a file is.
bool is_shared_anonymous(const Vma& v) {
  return v.shared && v.may_write && files::ShmemObjects::is_object(v.dev, v.path());
}

bool is_segment(const Vma& v) {
  return files::is_sysv_segment(v.dev, v.path());
}

// Whether the kernel can move a mapping's pages by rmfork. A locked one goes the ordinary way: a
// page out of ubmem is copied at the first write, and whoever locks memory does not want faults. So
// do huge pages (hugetlbfs), which no other page can stand for.
bool by_rmfork(const Vma& v) {
  return v.is_private_data() && !v.locked && !v.huge_tlb;
}

bool is_anonymous_huge(const Vma& v) {
  return v.huge_tlb && v.path() == files::kAnonymousHugeLink;
}

// Such names are of file systems within the kernel, which tell the size of the pages.
bool is_huge_of_unknown_size(const Vma& v) {
  const bool has_inner_name =
      is_anonymous_huge(v) || v.path().starts_with("/memfd:") || v.path().starts_with("/SYSV");
  return v.huge_tlb && has_inner_name && files::own_hugetlbfs(v.dev) == 0;
}

// The kernel's own mappings have none, nor do huge pages.
bool may_have_guards(const Vma& v) {
  return !v.is_vdso() && !v.is_vvar() && !v.huge_tlb && !v.is_aio_ring() && !v.is_socket();
}

// Why a mapping cannot be dumped; empty where it can.
std::string_view obstacle(const Vma& v) {
  if (is_huge_of_unknown_size(v)) return "memory of huge pages of a size that is not told";
  if (v.shadow_stack) return "a shadow stack";
  if (v.userfault) return "memory watched by userfaultfd";
  if (is_segment(v) && !v.shared) return "a private mapping of System V shared memory";
  if (v.path().starts_with("/secretmem")) return "secret memory (memfd_secret)";
  if (v.path().starts_with("anon_inode:")) return "memory of an anonymous inode";
  if (v.name == "[uprobes]") return "a uprobes area";
  if (v.io_or_pfn) return "device memory";
  if (v.droppable) return "droppable memory";
  if (v.pkey != 0) return "memory with a protection key (pkey_mprotect)";
  if (v.shared && !v.is_file() && !is_segment(v) && !v.is_socket())
    return "shared memory of this type";
  return {};
}

// What the restorer has in the address space besides, and what the kernel wants to be free where a
// mapping is moved (move_vma(), mm/mremap.c).
constexpr size_t kRestoreMappings = 16;

}  // namespace

uint64_t fnv1a(const void* data, size_t size) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ static_cast<const uint8_t*>(data)[i]) * 0x100000001b3;
  return hash;
}

void AddressSpaceDump::look() {
  vmas_ = read_vmas(pid_);
  check_number();
  find_leftovers();
  aio_rings_.look(pid_, vmas_);
  exe_ = files::look_at_place(pid_, "exe", O_RDONLY);
}

// Who tells the kernel which program a task runs must be allowed to execute it: kernel/sys.c,
// validate_prctl_map_locked(), prctl_set_mm_exe_file().
void AddressSpaceDump::check_program() const {
  struct statvfs fs {};
  const bool no_exec = statvfs(exe_.path().c_str(), &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0;
  if ((exe_.st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0 || no_exec)
    fail(
        "task {}: its program {} may not be executed any more (chmod, or a mount with noexec): not "
        "supported yet",
        pid_, exe_.link);
}

void AddressSpaceDump::check_number() const {
  static const uint64_t max = proc::to_u64(read_file("/proc/sys/vm/max_map_count"));
  if (vmas_.size() + kRestoreMappings > max)
    fail(
        "task {} has {} mappings, and a restore needs {} more: /proc/sys/vm/max_map_count allows "
        "only {}",
        pid_, vmas_.size(), kRestoreMappings, max);
}

void AddressSpaceDump::add_files(files::FileDump& files) {
  for (const Vma& vma : vmas_) {
    const std::string_view why_not = obstacle(vma);
    if (!why_not.empty() && !vma.is_vdso() && !vma.is_vvar())
      fail("{}: {} is not supported yet", describe(vma), why_not);
    kinds_.push_back(classify(vma, files));
  }
  check_program();
  exe_id_ = files.add_place(exe_);
  check_vdso();
}

// A restore moves its own to where the task's are.
void AddressSpaceDump::check_vdso() const {
  static const std::vector<Vma> own = own_vmas();
  std::vector<VmaEntry> entries(vmas_.size(), VmaEntry VMA_ENTRY__INIT);
  std::vector<VmaEntry*> all;
  for (size_t i = 0; i < vmas_.size(); i++) {
    entries[i].start = vmas_[i].start, entries[i].end = vmas_[i].end;
    entries[i].status = kinds_[i].status;
    all.push_back(&entries[i]);
  }
  if (!match_vdso(all, own))
    fail(
        "task {}: a vDSO that has been moved away from its data, or is there in part, is not "
        "supported yet",
        pid_);
}

void AddressSpaceDump::find_leftovers() {
  const auto may_be_one = [](const Vma& v) {
    return (v.prot & PROT_EXEC) != 0 && is_shared_anonymous(v);
  };
  if (std::ranges::none_of(vmas_, may_be_one)) return;
  const compel::Memory memory(pid_);
  uint64_t end = 0;  // of the last one: it may be in two mappings, the second not to be executed
  std::erase_if(vmas_, [&](const Vma& v) {
    const bool goes_on = v.start == end && is_shared_anonymous(v);
    if (!may_be_one(v) && !goes_on) return false;
    if (!compel::Parasite::is_leftover(memory, v.start, v.end)) return false;
    // At once, or a dump killed between the two would leave one that nobody knows.
    if (goes_on)
      leftovers_.back().end = v.end;
    else  // not to be looked for instructions: it goes before they are used
      leftovers_.push_back({v.start, v.end, true, false});
    end = v.end;
    return true;
  });
}

// Memory without a name: whoever has it outside of the tree would be cut off.
void AddressSpaceDump::note_memory(const Vma& v, files::FileDump& files) const {
  struct stat st {};
  const std::string path = v.map_files(pid_);
  if (stat(path.c_str(), &st) < 0) fail_errno("cannot examine {}", path);
  if (st.st_nlink != 0) return;
  files.holders().add_memory(v.dev, v.inode, describe(v));
}

// What is private from the beginning has nothing behind it: its pages are the task's.
void AddressSpaceDump::check_private_huge(const Vma& v) const {
  struct stat st {};
  const std::string path = v.map_files(pid_);
  if (stat(path.c_str(), &st) < 0) fail_errno("cannot examine {}", path);
  if (v.shared || st.st_blocks != 0)
    fail("{}: a mapping of shared huge pages that is private or read-only is not supported yet",
         describe(v));
}

std::string AddressSpaceDump::describe(const Vma& v) const {
  return fmt::format("task {}, mapping {:x}-{:x} ({})", pid_, v.start, v.end, v.name);
}

AddressSpaceDump::Kind AddressSpaceDump::classify(const Vma& v, files::FileDump& files) const {
  Kind k;
  k.status = kAreaRegular;
  if (v.is_vvar()) {
    k.status |= kAreaVvar | kAnonPrivate;
  } else if (v.is_vdso()) {
    k.status |= kAreaVdso | kAnonPrivate;
  } else if (is_shared_anonymous(v)) {
    struct stat st {};
    const std::string path = v.map_files(pid_);
    if (stat(path.c_str(), &st) < 0) fail_errno("cannot examine {}", path);
    k.status |= kAnonShared;
    k.shmid = files.shmem().add(st, path);
    note_memory(v, files);
  } else if (is_anonymous_huge(v)) {
    check_private_huge(v);
    k.status |= kAnonPrivate;
  } else if (is_segment(v)) {
    k.status |= kAreaSysvIpc | kAnonShared;
    k.shmid = files.shmem().add_segment(v.inode, v.path(), v.map_files(pid_));
    files.holders().add_segment(static_cast<int>(v.inode), describe(v));
    k.has_fdflags = true;
    k.fdflags = static_cast<uint32_t>(v.may_write ? O_RDWR : O_RDONLY);
  } else if (v.is_socket()) {
    k.status |= kAreaSocket;
    k.shmid = files.add_mapped_socket(v.dev, v.inode,
                                      {0, v.offset, v.size(), v.resident, v.shared, describe(v)});
  } else if (v.is_aio_ring()) {
    k.status |= kAreaAioRing;
  } else if (v.is_file()) {
    const int flags = v.shared && v.may_write ? O_RDWR : O_RDONLY;
    k.status |= v.shared ? kFileShared : kFilePrivate;
    if (v.path().starts_with("/memfd:")) k.status |= kAreaMemfd;
    k.shmid = files.add_mapped(pid_, {v.dev, v.inode, v.path(), flags},
                               fmt::format("map_files/{:x}-{:x}", v.start, v.end));
    if (v.shared && v.path().ends_with(" (deleted)")) note_memory(v, files);
    if ((v.prot & PROT_EXEC) != 0)
      files.note_program(static_cast<uint32_t>(k.shmid), v.map_files(pid_), v.offset, v.size());
    k.has_fdflags = true;
    k.fdflags = static_cast<uint32_t>(flags);
  } else {
    k.status |= kAnonPrivate;
    if (v.name == "[heap]") k.status |= kAreaHeap;
    if (v.name == "[stack]") k.status |= kAreaStack;
  }
  return k;
}

std::vector<compel::Range> AddressSpaceDump::ranges() const {
  std::vector<compel::Range> ranges;
  for (const Vma& v : vmas_)
    ranges.push_back({v.start, v.end, (v.prot & PROT_READ) != 0, (v.prot & PROT_EXEC) != 0,
                      v.name == "[stack]", v.is_vdso(), v.is_file()});
  ranges.insert(ranges.end(), leftovers_.begin(), leftovers_.end());
  std::ranges::sort(ranges, {}, &compel::Range::start);
  return ranges;
}

std::vector<Vma> AddressSpaceDump::rmfork_vmas() const {
  std::vector<Vma> found;
  for (const Vma& v : vmas_)
    if (by_rmfork(v)) found.push_back(v);
  return found;
}

uint64_t AddressSpaceDump::rmfork_bytes() const {
  PagemapScanner scanner(pid_);
  uint64_t bytes = 0;
  for (const Vma& v : vmas_)
    if (by_rmfork(v))
      for (const PageRun& run : scanner.private_pages(v)) bytes += run.bytes();
  return bytes;
}

const Vma* AddressSpaceDump::not_by_rmfork() const {
  for (const Vma& v : vmas_)
    if (v.is_aio_ring() || (v.is_private_data() && !by_rmfork(v))) return &v;
  return nullptr;
}

bool AddressSpaceDump::has_inserted_pages() const {
  return std::ranges::any_of(vmas_, [](const Vma& v) { return v.is_private_data() && v.mixed; });
}

std::vector<PageRun> AddressSpaceDump::ordinary_pages(bool use_rmfork, uint64_t& scanned) {
  PagemapScanner scanner(pid_);
  std::vector<PageRun> runs;
  for (const Vma& v : vmas_) {
    if (v.is_vdso() || v.is_aio_ring()) append_run(runs, v.start, v.size() / kPage);
    if (!v.is_private_data() || (use_rmfork && by_rmfork(v))) {
      if (may_have_guards(v)) scanner.note_guards(v);
      continue;
    }
    scanned += v.size() / kPage;
    for (const PageRun& run : scanner.private_pages(v)) append_run(runs, run.start, run.pages);
  }
  guards_ = scanner.guards();
  return runs;
}

std::vector<PageRun> AddressSpaceDump::shared_since_fork() const {
  std::vector<PageRun> ranges;
  for (const Vma& v : vmas_)
    if (v.is_private_data() && v.may_share_pages()) append_run(ranges, v.start, v.size() / kPage);
  return ranges;
}

uint64_t AddressSpaceDump::vdso_hash() const {
  const compel::Memory memory(pid_);
  for (const Vma& v : vmas_) {
    if (!v.is_vdso()) continue;
    std::vector<uint8_t> pages(v.size());
    memory.read(v.start, pages.data(), pages.size());
    return fnv1a(pages.data(), pages.size());
  }
  return 0;
}

VmaEntry* AddressSpaceDump::guard_entry(image::Arena& arena, const PageRun& guards) {
  auto* e = arena.make<VmaEntry>();
  e->start = guards.start, e->end = guards.end();
  e->flags = MAP_PRIVATE | MAP_ANONYMOUS;
  e->status = kAreaGuard;
  e->fd = -1;
  return e;
}

VmaEntry* AddressSpaceDump::vma_entry(image::Arena& arena, const Vma& v, const Kind& kind) const {
  auto* e = arena.make<VmaEntry>();
  e->start = v.start, e->end = v.end;
  e->pgoff = v.offset;
  e->shmid = kind.shmid;
  e->prot = static_cast<uint32_t>(v.prot);
  e->flags = v.shared ? MAP_SHARED : MAP_PRIVATE;
  if ((kind.status & (kAnonPrivate | kAnonShared)) != 0) e->flags |= MAP_ANONYMOUS;
  if (v.grows_down) e->flags |= MAP_GROWSDOWN;
  if (v.no_reserve) e->flags |= MAP_NORESERVE;
  if (v.locked) e->flags |= MAP_LOCKED;
  if (v.huge_tlb) e->flags |= MAP_HUGETLB | files::own_hugetlbfs(v.dev);
  e->status = kind.status;
  e->fd = -1;
  if (v.madvise != 0) CRIU_SET_OPTIONAL(e, madv, v.madvise);
  if (v.lock_on_fault) CRIU_SET_OPTIONAL(e, lock_on_fault, 1);
  if (v.sealed) CRIU_SET_OPTIONAL(e, sealed, 1);
  if (const std::string_view name = v.anon_name(); !name.empty()) e->anon_name = arena.text(name);
  if (kind.has_fdflags) CRIU_SET_OPTIONAL(e, fdflags, kind.fdflags);
  return e;
}

MmEntry* AddressSpaceDump::entry(image::Arena& arena, const proc::Stat& stat) const {
  auto* e = arena.make<MmEntry>();
  e->mm_start_code = stat.start_code, e->mm_end_code = stat.end_code;
  e->mm_start_data = stat.start_data, e->mm_end_data = stat.end_data;
  e->mm_start_stack = stat.start_stack, e->mm_start_brk = stat.start_brk;
  e->mm_arg_start = stat.arg_start, e->mm_arg_end = stat.arg_end;
  e->mm_env_start = stat.env_start, e->mm_env_end = stat.env_end;
  e->exe_file_id = exe_id_;
  const std::string auxv = read_record(proc::path(pid_, "auxv"));
  e->n_mm_saved_auxv = auxv.size() / sizeof(uint64_t);
  e->mm_saved_auxv = arena.array<uint64_t>(e->n_mm_saved_auxv);
  std::memcpy(e->mm_saved_auxv, auxv.data(), e->n_mm_saved_auxv * sizeof(uint64_t));
  e->n_vmas = vmas_.size() + guards_.size();
  e->vmas = arena.array<VmaEntry*>(e->n_vmas);
  for (size_t i = 0; i < vmas_.size(); i++) e->vmas[i] = vma_entry(arena, vmas_[i], kinds_[i]);
  for (size_t i = 0; i < guards_.size(); i++)
    e->vmas[vmas_.size() + i] = guard_entry(arena, guards_[i]);
  aio_rings_.add_to(e, arena);
  CRIU_SET_OPTIONAL(
      e, coredump_filter,
      static_cast<uint32_t>(proc::to_u64(read_record(proc::path(pid_, "coredump_filter")), 16)));
  if (const uint64_t hash = vdso_hash(); hash != 0) CRIU_SET_OPTIONAL(e, vdso_hash, hash);
  return e;
}

}  // namespace criu::mm
