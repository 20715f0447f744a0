// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/sysv-segment.h"

#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/files/huge-pages.h"
#include "criu/files/shmem.h"

namespace criu::files {

uint64_t SysvSegment::page_size() const {
  return huge != 0 ? huge_page_size(huge) : static_cast<uint64_t>(getpagesize());
}

uint64_t SysvSegment::whole_size() const {
  return (size + page_size() - 1) & ~(page_size() - 1);
}

bool SysvSegment::has_link(const std::string& link) const {
  // One that is marked for destruction has given its key back.
  return (mode & SHM_DEST) != 0 ||
         link.starts_with(fmt::format("/SYSV{:08x}", static_cast<uint32_t>(key)));
}

bool SysvSegment::is_same(const SysvSegment& other) const {
  constexpr uint32_t kCompared = 0777 | SHM_DEST;
  return id == other.id && key == other.key && size == other.size && uid == other.uid &&
         gid == other.gid && cuid == other.cuid && cgid == other.cgid &&
         (mode & kCompared) == (other.mode & kCompared) && ctime == other.ctime;
}

// newseg() of ipc/shm.c names its file so; it has no link.
bool is_sysv_segment(dev_t dev, const std::string& link) {
  return link.starts_with("/SYSV") && link.ends_with(" (deleted)") &&
         (ShmemObjects::is_own_tmpfs(dev) || own_hugetlbfs(dev) != 0);
}

// SHM_STAT finds by the place, which is part of an id; SHM_STAT_ANY asks for no permission.
std::optional<SysvSegment> segment_in_place_of(int id) {
  shmid_ds ds{};
  const int there = shmctl(id, SHM_STAT_ANY, &ds);
  if (there < 0) {
    if (errno == EINVAL || errno == EIDRM) return std::nullopt;
    fail_errno("cannot examine the System V segment {}", id);
  }
  SysvSegment s;
  s.id = there;
  s.key = ds.shm_perm.__key;
  s.uid = ds.shm_perm.uid, s.gid = ds.shm_perm.gid;
  s.cuid = ds.shm_perm.cuid, s.cgid = ds.shm_perm.cgid;
  s.mode = ds.shm_perm.mode;
  s.size = ds.shm_segsz;
  s.ctime = ds.shm_ctime;
  s.cpid = ds.shm_cpid;
  s.attached = ds.shm_nattch;
  return s;
}

std::optional<SysvSegment> find_segment(int id) {
  auto found = segment_in_place_of(id);
  if (found && found->id != id) found.reset();
  return found;
}

}  // namespace criu::files
