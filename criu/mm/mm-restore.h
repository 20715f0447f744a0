// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <span>
#include <vector>

#include "criu/base/service-fds.h"
#include "criu/files/file-restore.h"
#include "criu/image/image-file.h"
#include "criu/mm/inherited-memory.h"
#include "criu/mm/pages-image.h"
#include "criu/mm/restorer-area.h"
#include "criu/mm/segment-restore.h"
#include "criu/pie/restorer-args.h"
#include "criu/task/tree-plan.h"

namespace criu::mm {

// Shared anonymous memory, made and filled by the coordinator before the tasks are; they inherit a
// descriptor of each object and map that.
class SharedMemoryRestore {
 public:
  SharedMemoryRestore(const image::Directory& dir, const ServiceFds& fds) : dir_(dir), fds_(fds) {}
  // Notes how large an object has to be at least, for images that do not tell.
  // huge: MAP_HUGETLB and the size of its pages, or 0.
  void need(uint64_t shmid, uint64_t bytes, uint32_t huge);
  void make_all();
  const ServiceFds& fds() const { return fds_; }
  // In the coordinator, after all need(): makes the object if it is not there yet.
  int fd(uint64_t shmid);
  // The contents of one into a file in memory that is no such object: a memfd.
  void fill(uint64_t shmid, uint64_t size, int fd) const;
  // In a task, of an object that was made.
  int made_fd(uint64_t shmid) const { return objects_.at(shmid).fd.get(); }

 private:
  struct Object {
    uint64_t bytes = 0;
    uint32_t huge = 0;  // MAP_HUGETLB and the size of its pages
    UniqueFd fd;
  };
  void make(uint64_t shmid, Object& object);
  void read_pages(const PagesImage& pages, uint64_t shmid, uint64_t at, uint64_t mapped) const;

  const image::Directory& dir_;
  const ServiceFds& fds_;
  std::map<uint64_t, Object> objects_;
};

// Checks a mm entry and notes what it needs from elsewhere. Throws Error for mappings that are
// damaged or not supported. In the coordinator, before a task exists.
void check_mm(const PlannedTask& task, files::FileRestore& files, SharedMemoryRestore& shared,
              SegmentRestore& segments);

// What a task's memory is made of: its images, and what it has inherited of it.
struct MemorySources {
  const PlannedTask& task;
  const PagesImage& pages;
  const InheritedMemory& inherited;
  const image::Directory& dir;
  files::FileRestore& files;
  const SharedMemoryRestore& shared;
  const SegmentRestore& segments;
  const ServiceFds& fds;
};

// Fills in what the restorer needs to build the address space. In the task. Returns how many pages
// the restorer is to read.
uint64_t plan_memory(RestorerArea& area, pie::RestorerArgs* args, const MemorySources& from);

// Bytes of arguments that plan_memory(), the threads and the files will want. locks: of the
// process.
size_t estimate_args(const PlannedTask& task, const PagesImage& pages, size_t locks);

}  // namespace criu::mm
