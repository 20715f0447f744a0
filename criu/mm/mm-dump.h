// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compel/gadgets.h"
#include "criu/files/file-dump.h"
#include "criu/image/image-file.h"
#include "criu/mm/page-dump.h"
#include "criu/mm/vma.h"

namespace criu::mm {

// Shared anonymous memory that tasks of the tree have mapped: each object once.
class SharedMemoryDump {
 public:
  // Notes an object; path leads to a mapping of it (/proc/pid/map_files/<range>).
  void add(const Vma& vma, const std::string& path);
  // Writes the pages there are of each object. Returns the bytes.
  uint64_t write(const image::Directory& dir, PagesIds& ids) const;
  bool empty() const { return objects_.empty(); }

 private:
  struct Object {
    std::string path;
    uint64_t size = 0;  // bytes, as far as it is mapped
  };
  std::map<ino_t, Object> objects_;
};

// The address space of a stopped task.
class AddressSpaceDump {
 public:
  // Looks at everything; throws Error naming the mapping that is not supported.
  AddressSpaceDump(pid_t pid, files::FileDump& files, SharedMemoryDump& shared);

  pid_t pid() const { return pid_; }
  // What a dump that was killed has left in the task: no memory of its own, to be taken away.
  const std::vector<compel::Range>& leftovers() const { return leftovers_; }
  const std::vector<Vma>& vmas() const { return vmas_; }
  std::vector<compel::Range> ranges() const;
  // Private memory that the kernel can move by rmfork.
  std::vector<Vma> rmfork_vmas() const;
  // The bytes of it that have pages now.
  uint64_t rmfork_bytes() const;
  // A private mapping whose pages rmfork cannot move; nullptr if there is none.
  const Vma* not_by_rmfork() const;

  // Whether an rmfork restore has put pages into private memory of this task.
  bool has_inserted_pages() const;

  // Pages that go by way of the pages image. use_rmfork: what can goes by rmfork. Adds to `scanned`
  // how many there could have been.
  std::vector<PageRun> ordinary_pages(bool use_rmfork, uint64_t& scanned) const;
  uint64_t vdso_hash() const;
  // The entry, but for what only the task can tell (mm_brk, dumpable).
  MmEntry* entry(image::Arena& arena) const;

 private:
  struct Kind {
    uint32_t status = 0;
    uint64_t shmid = 0;
    bool has_fdflags = false;
    uint32_t fdflags = 0;
  };
  Kind classify(const Vma& vma, files::FileDump& files, SharedMemoryDump& shared) const;
  VmaEntry* vma_entry(image::Arena& arena, const Vma& vma, const Kind& kind) const;

  void find_leftovers();

  pid_t pid_;
  std::vector<Vma> vmas_;
  std::vector<compel::Range> leftovers_;
  std::vector<Kind> kinds_;  // beside vmas_
  uint32_t exe_id_ = 0;
};

// FNV-1a, 64 bits: tells vDSOs apart, no more.
uint64_t fnv1a(const void* data, size_t size);

}  // namespace criu::mm
