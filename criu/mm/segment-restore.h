// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <tuple>

#include "criu/files/sysv-segment.h"
#include "criu/image/image-file.h"
#include "criu/task/keeper.h"
#include "criu/task/tree-plan.h"

namespace criu::mm {

// Segments of System V shared memory that tasks of the tree have attached.
//
// One that outlived the dump is used as it is: it gets its contents when the tasks are about to
// run, so that a restore that fails leaves it alone. One that has gone is made by the coordinator
// with the id that it had, and filled; the keeper takes it away again unless the restore succeeds.
//
//   segments.need(task, vma);       // the coordinator, for each mapping
//   segments.make_all(keeper);      // before there are tasks
//   SegmentMapper(segments, mm).at(vma)   // in a task
//   segments.settle();              // all tasks have what they need, and none runs
class SegmentRestore {
 public:
  explicit SegmentRestore(const image::Directory& dir) : dir_(dir) {}
  ~SegmentRestore();
  SegmentRestore(const SegmentRestore&) = delete;
  SegmentRestore& operator=(const SegmentRestore&) = delete;

  // Throws Error for images that are damaged.
  void need(const PlannedTask& task, const VmaEntry& v);
  // Throws Error naming what stands in the way of one.
  void make_all(Keeper& keeper);
  void settle();

  const files::SysvSegment& segment(int id) const { return needed_.at(id).wanted; }

 private:
  struct Segment {
    files::SysvSegment wanted;
    bool knows_time = false;   // whether wanted.ctime is known
    bool made = false;         // by this restore
    void* attached = nullptr;  // by this process
  };
  void read_image(uint32_t ipc_ns);
  static void check(const Segment& s);
  void make(Segment& s, Keeper& keeper) const;
  void fill(const Segment& s) const;

  const image::Directory& dir_;
  std::map<int, Segment> all_;     // of the image
  std::map<int, Segment> needed_;  // by id
  uint32_t ipc_ns_ = 0;
};

// Attaches them in a task, where neither it nor the task to be has anything: the restorer moves
// each mapping home, and drops the rest. What was attached at once is so again, for shmdt(2) to
// find.
class SegmentMapper {
 public:
  SegmentMapper(const SegmentRestore& segments, const MmEntry& mm) : segments_(segments), mm_(mm) {}
  // Where the memory of a mapping is ready; throws Error.
  uint64_t at(const VmaEntry& v);
  // Whether the task may write to it.
  static bool is_writable(const VmaEntry& v);

 private:
  uint64_t attach(int id, bool writable) const;

  const SegmentRestore& segments_;
  const MmEntry& mm_;
  std::map<std::tuple<int, uint64_t, bool>, uint64_t> attached_;  // by id, home, writable
};

}  // namespace criu::mm
