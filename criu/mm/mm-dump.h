// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "compel/gadgets.h"
#include "criu/base/proc.h"
#include "criu/files/file-dump.h"
#include "criu/image/image-file.h"
#include "criu/mm/aio-ring.h"
#include "criu/mm/pagemap.h"
#include "criu/mm/vma.h"

namespace criu::mm {

// The address space of a stopped task.
class AddressSpaceDump {
 public:
  explicit AddressSpaceDump(pid_t pid) : pid_(pid) {}
  // By any thread; of several tasks at the same time.
  void look();
  // Then, one task after the other: what is behind the mappings becomes part of the dump. Throws
  // Error naming the mapping that is not supported.
  void add_files(files::FileDump& files);

  pid_t pid() const { return pid_; }
  // What a dump that was killed has left in the task: no memory of its own, to be taken away.
  const std::vector<compel::Range>& leftovers() const { return leftovers_; }
  const std::vector<Vma>& vmas() const { return vmas_; }
  const AioRings& aio_rings() const { return aio_rings_; }
  std::vector<compel::Range> ranges() const;
  // Private memory that the kernel can move by rmfork.
  std::vector<Vma> rmfork_vmas() const;
  // The bytes of it that have pages now.
  uint64_t rmfork_bytes() const;
  // A mapping whose pages are stored and that rmfork cannot move; nullptr if there is none.
  const Vma* not_by_rmfork() const;

  // Whether an rmfork restore has put pages into private memory of this task.
  bool has_inserted_pages() const;

  // Pages that go by way of the pages image. use_rmfork: what can goes by rmfork. Adds to `scanned`
  // how many there could have been. Notes guard pages, which are part of the entry.
  std::vector<PageRun> ordinary_pages(bool use_rmfork, uint64_t& scanned);
  // Where pages may be that the task shares with others since fork(2); by address.
  std::vector<PageRun> shared_since_fork() const;
  uint64_t vdso_hash() const;
  // The entry, but for what only the task can tell (mm_brk, dumpable). stat: of the task since it
  // was stopped.
  MmEntry* entry(image::Arena& arena, const proc::Stat& stat) const;

 private:
  struct Kind {
    uint32_t status = 0;
    uint64_t shmid = 0;
    bool has_fdflags = false;
    uint32_t fdflags = 0;
  };
  Kind classify(const Vma& vma, files::FileDump& files) const;
  void note_memory(const Vma& vma, files::FileDump& files) const;
  void check_private_huge(const Vma& vma) const;
  // For messages.
  std::string describe(const Vma& vma) const;
  VmaEntry* vma_entry(image::Arena& arena, const Vma& vma, const Kind& kind) const;
  static VmaEntry* guard_entry(image::Arena& arena, const PageRun& guards);

  void check_vdso() const;
  void check_number() const;
  void find_leftovers();
  void check_program() const;

  pid_t pid_;
  std::vector<Vma> vmas_;
  AioRings aio_rings_;
  std::vector<compel::Range> leftovers_;
  files::OpenFile exe_;
  std::vector<Kind> kinds_;  // beside vmas_
  std::vector<PageRun> guards_;
  uint32_t exe_id_ = 0;
};

// FNV-1a, 64 bits: tells vDSOs apart, no more.
uint64_t fnv1a(const void* data, size_t size);

}  // namespace criu::mm
