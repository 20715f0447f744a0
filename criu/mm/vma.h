// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace criu::mm {

constexpr uint64_t kPage = 4096;
// What mmap(2) is told of huge pages: that they are, and of which size.
constexpr uint32_t kHugeFlags = 0x40000 | 0x3fU << 26;  // MAP_HUGETLB; MAP_HUGE_SHIFT

// Bytes, as whole pages.
constexpr uint64_t page_up(uint64_t bytes) {
  return (bytes + kPage - 1) & ~(kPage - 1);
}

// Bits of vma_entry.status, the format's own.
enum AreaStatus : uint32_t {
  kAreaRegular = 0x1,
  kAreaStack = 0x2,
  kAreaVsyscall = 0x4,
  kAreaVdso = 0x8,
  kAreaHeap = 0x20,
  kFilePrivate = 0x40,
  kFileShared = 0x80,
  kAnonShared = 0x100,
  kAnonPrivate = 0x200,
  kAreaSysvIpc = 0x400,  // beside kAnonShared
  kAreaSocket = 0x800,   // a socket
  kAreaVvar = 0x1000,
  kAreaAioRing = 0x2000,
  kAreaMemfd = 0x4000,   // beside kFileShared or kFilePrivate
  kAreaGuard = 0x10000,  // no mapping, but guard pages in one or several
};

// One mapping, as /proc/pid/smaps shows it (proc(5); the two-letter VmFlags are in
// fs/proc/task_mmu.c).
struct Vma {
  uint64_t start = 0, end = 0;  // bytes, end exclusive
  uint64_t offset = 0;          // bytes, in the file or shared memory
  int prot = 0;                 // PROT_*
  bool shared = false;
  dev_t dev = 0;
  ino_t inode = 0;
  std::string name;  // path, [heap], or empty
  // The path of what is behind memory with a name of its own ([anon_shmem:...]); else empty. Known
  // to read_vmas() alone.
  std::string behind;

  uint64_t madvise = 0;    // bit n: advice n of madvise(2) holds
  bool may_write = false;  // VM_MAYWRITE
  bool grows_down = false;
  bool locked = false;
  bool lock_on_fault = false;  // mlock2(2) MLOCK_ONFAULT
  bool no_reserve = false;
  bool huge_tlb = false;
  bool io_or_pfn = false;  // VM_IO or VM_PFNMAP
  bool mixed =
      false;  // VM_MIXEDMAP: in private data, rmfork is still to put pages there (a lazy restore)
  bool userfault = false;
  bool shadow_stack = false;
  bool sealed = false;     // mseal(2)
  bool droppable = false;  // MAP_DROPPABLE
  unsigned pkey = 0;       // pkey_mprotect(2)

  bool counted = false;  // whether the following four are known
  // Bytes: Rss, Anonymous and Swap; and of all pages, also a file's, those that others map as well.
  uint64_t resident = 0, anonymous = 0, swapped = 0, in_common = 0;

  // Whether it is known to hold no page of the task's own.
  bool is_untouched() const {
    return counted && !mixed && swapped == 0 && (is_file() ? anonymous : resident) == 0;
  }
  // Whether it may hold pages of the task's own that it shares with others since fork(2).
  bool may_share_pages() const {
    return !counted || swapped != 0 || (anonymous != 0 && in_common != 0);
  }
  uint64_t size() const { return end - start; }
  // The link of /proc that leads to what is mapped.
  std::string map_files(pid_t pid) const;
  // The name that anonymous memory was given (prctl(2) PR_SET_VMA_ANON_NAME); empty: none.
  std::string_view anon_name() const;
  const std::string& path() const { return behind.empty() ? name : behind; }
  bool is_vdso() const { return name == "[vdso]"; }
  bool is_vvar() const { return name == "[vvar]" || name == "[vvar_vclock]"; }
  bool is_file() const { return inode != 0 && path().starts_with('/'); }
  bool is_aio_ring() const { return path().starts_with("/[aio]"); }
  // packet(7), tcp(7): no other sockets can be mapped.
  bool is_socket() const { return path().starts_with("socket:"); }
  bool is_private_data() const { return !shared && !is_vvar() && !is_vdso() && !is_socket(); }
};

// All mappings of a task, by address; the vsyscall page is left out, it is the kernel's.
std::vector<Vma> read_vmas(pid_t pid);
// The parser, for itself.
std::vector<Vma> parse_smaps(std::string_view text);

}  // namespace criu::mm
