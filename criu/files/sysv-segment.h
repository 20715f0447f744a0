// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace criu::files {

// A segment of System V shared memory in the IPC namespace of this process, as shmctl(2) tells.
struct SysvSegment {
  int id = -1;
  key_t key = 0;
  uid_t uid = 0, cuid = 0;  // c: of who made it
  gid_t gid = 0, cgid = 0;
  uint32_t mode = 0;  // permissions, SHM_DEST, SHM_LOCKED
  uint64_t size = 0;  // bytes
  int64_t ctime = 0;  // seconds since the epoch
  pid_t cpid = 0;
  uint64_t attached = 0;  // mappings of it, in all processes
  // The size of its pages in the form of SHM_HUGE_2MB, 0: ordinary ones. shmctl(2) does not tell.
  uint32_t huge = 0;

  // Of its pages, and of all of them together; bytes.
  uint64_t page_size() const;
  uint64_t whole_size() const;
  // Whether a mapping that points there can be of this one: the name tells the key it was made
  // with.
  bool has_link(const std::string& link) const;
  // Nothing else may be there that a program could take for it.
  bool is_same(const SysvSegment& other) const;
};

// Whether a mapping or descriptor is of one. link: where /proc says that it points to.
bool is_sysv_segment(dev_t dev, const std::string& link);

// The segment that stands where one of that id would: that one, or another, whose id has the same
// place in the kernel's table. No value: none.
std::optional<SysvSegment> segment_in_place_of(int id);
std::optional<SysvSegment> find_segment(int id);

}  // namespace criu::files
