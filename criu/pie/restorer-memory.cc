// SPDX-License-Identifier: GPL-2.0-only
//
// The restorer's part that builds the address space.

#include <asm/errno.h>
#include <asm/mman.h>
#include <linux/prctl.h>
#include <linux/rseq.h>

#include "criu/pie/restorer-common.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace criu::pie {

namespace {

constexpr uint64_t kMremapMove = 1 | 2;  // MREMAP_MAYMOVE | MREMAP_FIXED
constexpr unsigned kAdvices = 64;
constexpr int kEagain = 11, kEnomem = 12, kEexist = 17;
constexpr uint64_t kPage = 4096;
constexpr int kMlockOnfault = 1;
constexpr int kPrSetMdwe = 65;         // Linux 6.3
constexpr int kPrSetMemoryMerge = 67;  // Linux 6.4
constexpr long kMseal = 462;           // Linux 6.10
#ifndef PR_SET_VMA
constexpr int PR_SET_VMA = 0x53564d41, PR_SET_VMA_ANON_NAME = 0;
#endif

void move(RestorerArgs* args, uint64_t from, uint64_t to, uint64_t size) {
  if (from == to) return;
  const long ret = ::pie::syscall(__NR_mremap, from, size, size, kMremapMove, to);
  if (ret != static_cast<long>(to)) give_up(args, kStepMove, ret < 0 ? ret : -kEagain, to);
}

void drop_old_space(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_vdso; i++)
    move(args, args->vdso[i].own, args->vdso[i].parked, args->vdso[i].size);
  uint64_t at = 0;
  const auto drop_to = [&](uint64_t end) {
    if (at != end) must(args, ::pie::syscall(__NR_munmap, at, end - at), kStepUnmap, at);
  };
  for (uint64_t i = 0; i < args->nr_kept; i++) {
    drop_to(args->kept[i].start);
    at = args->kept[i].end;
  }
  drop_to(args->task_size);
}

// Mappings that have become one may be more together than the kernel gives at once (proc(5),
// overcommit_memory): it is asked for less then, and they become one again. 0, or a negative error.
long map_in_parts(const MapRequest& m) {
  uint64_t at = m.start, size = m.end - m.start;
  while (at != m.end) {
    if (size > m.end - at) size = m.end - at;
    const long ret = ::pie::syscall(__NR_mmap, at, size, m.fill_prot, m.flags | MAP_FIXED_NOREPLACE,
                                    m.fd, m.offset + (at - m.start));
    if (ret == static_cast<long>(at)) {
      at += size;
    } else if (ret == -kEnomem && size > kPage && (m.flags & MAP_HUGETLB) == 0) {
      size = (size / 2 + kPage - 1) & ~(kPage - 1);
    } else {
      return ret < 0 ? ret : -kEexist;
    }
  }
  return 0;
}

void map_all(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_maps; i++) {
    const MapRequest& m = args->maps[i];
    if (m.ready_at != 0) {
      move(args, m.ready_at, m.start, m.end - m.start);
      continue;
    }
    const long ret = map_in_parts(m);
    if (ret < 0) give_up(args, kStepMap, ret, m.start);
  }
  for (uint64_t i = 0; i < args->nr_vdso; i++) {
    const VdsoPart& v = args->vdso[i];
    if (v.home != 0) move(args, v.parked, v.home, v.size);
  }
}

// PR_SET_MEMORY_MERGE holds for mappings to come: those that were told otherwise since are told so
// again.
void merge_all(RestorerArgs* args) {
  if (args->memory_merge == 0) return;
  for (uint64_t i = 0; i < args->nr_maps; i++) {
    const MapRequest& m = args->maps[i];
    if ((m.advice >> MADV_MERGEABLE & 1) == 0)
      ::pie::syscall(__NR_madvise, m.start, m.end - m.start, MADV_UNMERGEABLE);
  }
}

// Before anything is locked, where the kernel sets none.
void set_guards(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_guards; i++) {
    const KeptRange& g = args->guards[i];
    must(args, ::pie::syscall(__NR_madvise, g.start, g.end - g.start, kMadvGuardInstall),
         kStepGuard, g.start);
  }
}

// Before pages are there: large ones are then taken for them, and memory that rmfork is to fill
// lazily does not take every advice, nor can it be locked (VM_MIXEDMAP). Locking, for now
// only on fault, also keeps a mapping apart from like neighbours that rmfork fills.
void advise_all(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_maps; i++) {
    const MapRequest& m = args->maps[i];
    const uint64_t size = m.end - m.start;
    if (const MemoryPolicy* p = m.policy; p != nullptr)
      must(args,
           ::pie::syscall(__NR_mbind, m.start, size, p->mode, p->nodes, p->nr_words * 64 + 1, 0),
           kStepMappingPolicy, m.start);
    for (unsigned advice = 0; m.advice != 0 && advice < kAdvices; advice++)
      if ((m.advice >> advice & 1) != 0)
        must(args, ::pie::syscall(__NR_madvise, m.start, size, advice), kStepAdvise, m.start);
    if (m.name != nullptr)
      must(args,
           ::pie::syscall(__NR_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, m.start, size, m.name),
           kStepName, m.start);
    if (m.lock != kLockNot)
      must(args, ::pie::syscall(__NR_mlock2, m.start, size, kMlockOnfault), kStepLock, m.start);
  }
}

void finish_maps(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_maps; i++) {
    const MapRequest& m = args->maps[i];
    const uint64_t size = m.end - m.start;
    if (m.fill_prot != m.prot)
      must(args, ::pie::syscall(__NR_mprotect, m.start, size, m.prot), kStepProtect, m.start);
    if (m.lock != kLockAll) continue;
    // It is locked also if not all of it can be touched, as behind the end of a file: mlock(2),
    // ENOMEM. What may be locked at all has been counted before.
    if (const long result = ::pie::syscall(__NR_mlock2, m.start, size, 0); result != -ENOMEM)
      must(args, result, kStepLock, m.start);
  }
}

// Nothing of them can be changed from then on.
void seal_all(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_maps; i++)
    if (const MapRequest& m = args->maps[i]; m.sealed != 0)
      must(args, ::pie::syscall(kMseal, m.start, m.end - m.start, 0), kStepSeal, m.start);
}

}  // namespace

void restore_memory(RestorerArgs* args) {
  if (args->old_rseq != 0)
    must(args,
         ::pie::syscall(__NR_rseq, args->old_rseq, args->old_rseq_size, RSEQ_FLAG_UNREGISTER,
                        args->old_rseq_signature),
         kStepRseq, args->old_rseq);
  drop_old_space(args);
  if (args->memory_merge != 0)
    must(args, ::pie::syscall(__NR_prctl, kPrSetMemoryMerge, 1, 0, 0, 0), kStepPrctl,
         kPrSetMemoryMerge);
  map_all(args);
  merge_all(args);
  set_guards(args);
  advise_all(args);
  // RMFork first: it wants its ranges unpopulated (EBUSY), and the pages image has other ones.
  must(args, rmfork_issue(&args->rmfork), kStepRmfork, args->rmfork.kargs.pa);
  fill_pages(args);
  finish_maps(args);
  must(args, ::pie::syscall(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, &args->mm, sizeof args->mm, 0),
       kStepMmFields, args->mm.exe_fd);
  if (args->thp_disabled != 0)
    must(args, ::pie::syscall(__NR_prctl, PR_SET_THP_DISABLE, 1, args->thp_disable_flags, 0, 0),
         kStepPrctl, PR_SET_THP_DISABLE);
  if (args->mlock_future != 0)
    must(args, ::pie::syscall(__NR_mlockall, args->mlock_future), kStepLockFuture,
         args->mlock_future);
  ::pie::syscall(__NR_personality, args->personality);
  seal_all(args);
  if (args->mdwe != 0)
    must(args, ::pie::syscall(__NR_prctl, kPrSetMdwe, args->mdwe, 0, 0, 0), kStepPrctl, kPrSetMdwe);
}

}  // namespace criu::pie
