// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <span>
#include <vector>

#include "criu/base/service-fds.h"
#include "criu/files/file-restore.h"
#include "criu/image/image-file.h"
#include "criu/mm/pagemap.h"
#include "criu/pie/restorer-args.h"
#include "criu/task/tree-plan.h"

namespace criu::mm {

// Shared anonymous memory, made and filled by the coordinator before the tasks are; they inherit a
// descriptor of each object and map that.
class SharedMemoryRestore {
 public:
  SharedMemoryRestore(const image::Directory& dir, const ServiceFds& fds) : dir_(dir), fds_(fds) {}
  // Notes how large an object has to be at least, for images that do not tell.
  void need(uint64_t shmid, uint64_t bytes);
  void make_all();
  const ServiceFds& fds() const { return fds_; }
  // In the coordinator, after all need(): makes the object if it is not there yet.
  int fd(uint64_t shmid);
  // In a task, of an object that was made.
  int made_fd(uint64_t shmid) const { return objects_.at(shmid).fd.get(); }

 private:
  struct Object {
    uint64_t bytes = 0;
    UniqueFd fd;
  };
  void make(uint64_t shmid, Object& object);

  const image::Directory& dir_;
  const ServiceFds& fds_;
  std::map<uint64_t, Object> objects_;
};

// The pages that a pagemap image names, checked against the size of the pages image.
struct PagesImage {
  bool has_object = false;  // of shared memory
  ShmemEntry object = SHMEM_ENTRY__INIT;
  std::vector<PageRun> runs;
  UniqueFd fd;
};
PagesImage open_pages(const image::Directory& dir, image::Kind pagemap_kind, uint64_t id);

// Checks a mm entry and notes what it needs from elsewhere. Throws Error for mappings that are
// damaged or not supported. In the coordinator, before a task exists.
void check_mm(const PlannedTask& task, files::FileRestore& files, SharedMemoryRestore& shared);

// The mapping that outlives a task's old address space: the restorer blob, its arguments, stacks.
// Lies where neither the old nor the new address space has anything.
class RestorerArea {
 public:
  RestorerArea(const PlannedTask& task, size_t args_bytes, size_t stages_bytes);

  // Room for n objects, zeroed; throws Error where the area is full.
  template <typename T>
  T* make(size_t n = 1) {
    return static_cast<T*>(allocate(n * sizeof(T), alignof(T)));
  }
  uint64_t start() const { return start_; }
  uint64_t size() const { return size_; }
  uint64_t entry() const { return start_; }
  uint64_t stack_top(size_t thread) const;
  // Moves the stages' shared page into the area; the address it has from then on.
  pie::SharedStages* move_stages(pie::SharedStages* stages);
  // vdso_hash: of the task's vDSO, as far as it is known. Throws Error where it was another one.
  std::vector<pie::VdsoPart> vdso_parts(const PlannedTask& task,
                                        std::optional<uint64_t> vdso_hash) const;

 private:
  void* allocate(size_t bytes, size_t align);

  uint64_t start_ = 0, size_ = 0;
  uint64_t next_ = 0, args_end_ = 0, stacks_ = 0, stages_ = 0, vdso_ = 0;
};

struct PlannedMemory {
  uint64_t private_pages = 0;  // to be read from the pages image
};

// Fills in what the restorer needs to build the address space. In the task.
PlannedMemory plan_memory(RestorerArea& area, pie::RestorerArgs* args, const PlannedTask& task,
                          const image::Directory& dir, files::FileRestore& files,
                          const SharedMemoryRestore& shared, const ServiceFds& fds);

// Bytes of arguments that plan_memory() and the threads will want.
size_t estimate_args(const PlannedTask& task, size_t page_runs);

}  // namespace criu::mm
