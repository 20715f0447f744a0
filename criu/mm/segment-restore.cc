// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/segment-restore.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/parallel.h"
#include "criu/files/huge-pages.h"
#include "criu/mm/page-reads.h"
#include "criu/mm/pages-image.h"
#include "criu/mm/restorer-area.h"

namespace criu::mm {

namespace {

using files::SysvSegment;

constexpr uint64_t kMaxSize = 1ULL << 46;      // bytes
constexpr uint64_t kMaxHugePage = 1ULL << 34;  // bytes
constexpr const char* kNextId = "/proc/sys/kernel/shm_next_id";
constexpr const char* kRmidForced = "/proc/sys/kernel/shm_rmid_forced";
constexpr int kOtherId = 254;  // of the helper: beside the numbers of errors

bool is_doomed(const SysvSegment& s) {
  return (s.mode & SHM_DEST) != 0;
}

void* attach_here(const SysvSegment& s) {
  void* p = shmat(s.id, nullptr, 0);
  if (p == reinterpret_cast<void*>(-1)) fail_errno("cannot attach the System V segment {}", s.id);
  return p;
}

// The id that the next one gets, whoever makes it; -1: any.
int set_next_id(int fd, int id) {
  const std::string text = std::to_string(id);
  return pwrite(fd, text.data(), text.size(), 0) < 0 ? errno : 0;
}

// By its creator, as far as a segment tells of it. The kernel gives the id that was asked for, or
// another one where that has no room. The helper tells the keeper itself: it goes on when this
// process is killed.
void create(const SysvSegment& s, const Keeper& keeper) {
  bool other_pid = false;
  const UniqueFd next_id = open_path(kNextId, O_WRONLY);
  const int huge = s.huge != 0 ? static_cast<int>(s.huge | SHM_HUGETLB) : 0;
  const int flags = IPC_CREAT | IPC_EXCL | huge | static_cast<int>(s.mode & 0777);
  const int error = run_as({s.cpid, s.cuid, s.cgid}, other_pid, [&] {
    if (const int failed = set_next_id(next_id.get(), s.id); failed != 0) return failed;
    const int id = shmget(s.key, s.size, flags);
    if (id == s.id && keeper.note_segment(id)) return 0;
    const int failed = id < 0 || id == s.id ? errno : kOtherId;
    if (id >= 0) shmctl(id, IPC_RMID, nullptr);
    set_next_id(next_id.get(), -1);
    return failed;
  });
  if (error == kOtherId) fail("the id of the System V segment {} is not to be had", s.id);
  errno = error;
  if (error != 0) fail_errno("cannot make the System V segment {} of {} bytes", s.id, s.size);
}

void set_owner(const SysvSegment& s) {
  shmid_ds ds{};
  ds.shm_perm.uid = s.uid, ds.shm_perm.gid = s.gid;
  ds.shm_perm.mode = static_cast<decltype(ds.shm_perm.mode)>(s.mode & 0777);
  if ((s.uid != s.cuid || s.gid != s.cgid) && shmctl(s.id, IPC_SET, &ds) < 0)
    fail_errno("cannot set the owner of the System V segment {}", s.id);
}

void set_lock(const SysvSegment& s) {
  const auto now = files::find_segment(s.id);
  if (!now || ((now->mode ^ s.mode) & SHM_LOCKED) == 0) return;
  if (shmctl(s.id, (s.mode & SHM_LOCKED) != 0 ? SHM_LOCK : SHM_UNLOCK, nullptr) < 0)
    fail_errno("cannot lock the System V segment {}, or unlock it", s.id);
}

// Gives back what lies between the pages of the image.
void punch(int id, char* at, uint64_t start, uint64_t end) {
  if (start < end && madvise(at + start, end - start, MADV_REMOVE) < 0)
    fail_errno("cannot clear the System V segment {}", id);
}

}  // namespace

SegmentRestore::~SegmentRestore() {
  for (const auto& [id, s] : needed_)
    if (s.attached != nullptr) shmdt(s.attached);
}

void SegmentRestore::read_image(uint32_t ipc_ns) {
  ipc_ns_ = ipc_ns;
  image::Arena arena;
  image::Reader img(dir_, image::Kind::kIpcShm, ipc_ns);
  while (const auto* e = img.next<IpcShmEntry>(arena)) {
    if (!(e->has_in_pagemaps && e->in_pagemaps))
      fail("{}: contents in this place are not supported yet", img.name());
    const IpcDescEntry& d = *e->desc;
    if (d.id > INT_MAX || e->size == 0 || e->size > kMaxSize || (e->has_cpid && e->cpid < 0))
      fail("{}: the segment {} of {} bytes is impossible", img.name(), d.id, e->size);
    Segment s;
    if (e->has_hugetlb_flag && e->hugetlb_flag != 0) {
      s.wanted.huge = e->hugetlb_flag & files::kHugePageForm;
      if (const uint64_t page = s.wanted.page_size(); page <= kPage || page > kMaxHugePage)
        fail("{}: the segment {} has pages of {} bytes, which is impossible", img.name(), d.id,
             page);
    }
    s.wanted.id = static_cast<int>(d.id);
    s.wanted.key = static_cast<key_t>(d.key);
    s.wanted.uid = d.uid, s.wanted.gid = d.gid;
    s.wanted.cuid = d.cuid, s.wanted.cgid = d.cgid;
    s.wanted.mode = d.mode;
    s.wanted.size = e->size;
    s.wanted.ctime = e->ctime, s.knows_time = e->has_ctime != 0;
    s.wanted.cpid = e->cpid;
    if (!all_.try_emplace(s.wanted.id, s).second)
      fail("{}: the segment {} is there twice", img.name(), d.id);
  }
}

void SegmentRestore::need(const PlannedTask& task, const VmaEntry& v) {
  if (all_.empty()) read_image(task.ids->ipc_ns_id);
  const auto found = v.shmid <= INT_MAX ? all_.find(static_cast<int>(v.shmid)) : all_.end();
  if (found == all_.end())
    fail("mm-{}.img: the System V segment {} at {:#x} is not in ipcns-shm-{}.img", task.pid,
         v.shmid, v.start, ipc_ns_);
  const uint64_t size = found->second.wanted.whole_size();
  const uint64_t page = found->second.wanted.page_size();
  if (v.pgoff > size || v.end - v.start > size - v.pgoff || v.pgoff % page != 0)
    fail("mm-{}.img: the mapping at {:#x} goes beyond the end of the System V segment {}", task.pid,
         v.start, v.shmid);
  if (v.start % page != 0 || v.end % page != 0)
    fail("mm-{}.img: the mapping at {:#x} is not of whole pages of the System V segment {}",
         task.pid, v.start, v.shmid);
  needed_.insert(*found);
}

// What stands in its way, before anything is made.
void SegmentRestore::check(const Segment& s) {
  const SysvSegment& w = s.wanted;
  if (const auto there = files::segment_in_place_of(w.id)) {
    if (there->id != w.id)
      fail(
          "the id of the System V segment {} is not to be had: that of the segment {} is in its "
          "place",
          w.id, there->id);
    SysvSegment wanted = w;
    if (!s.knows_time) wanted.ctime = there->ctime;
    if (!there->is_same(wanted))
      fail(
          "the System V segment {} is not the one of the dump: another was made, or it was given "
          "to "
          "another, since; ipcrm -m {} removes it",
          w.id, w.id);
    if (there->attached != 0)
      fail(
          "the System V segment {} is attached by a process outside of the tree ({} times): its "
          "contents cannot be set",
          w.id, there->attached);
    return;
  }
  if (w.key == IPC_PRIVATE) return;
  if (const int id = shmget(w.key, 0, 0); id >= 0)
    fail("the key {:#x} of the System V segment {} is that of the segment {} now",
         static_cast<uint32_t>(w.key), w.id, id);
  if (errno != ENOENT) fail_errno("cannot look for the key {:#x}", static_cast<uint32_t>(w.key));
}

void SegmentRestore::make_all(Keeper& keeper) {
  for (auto& [id, s] : needed_) check(s);
  for (auto& [id, s] : needed_)
    if (!files::find_segment(id)) make(s, keeper);
}

// One that is to be removed is, from when it is attached: it ends with the last of those who have
// it.
void SegmentRestore::make(Segment& s, Keeper& keeper) const {
  // It would be gone before it could be attached.
  if (read_file(kRmidForced).starts_with('1'))
    fail("the System V segment {} is gone, and none is made while {} is 1", s.wanted.id,
         kRmidForced);
  keeper.begin(false);
  create(s.wanted, keeper);
  s.made = true;
  s.attached = attach_here(s.wanted);
  set_owner(s.wanted);
  if (is_doomed(s.wanted) && shmctl(s.wanted.id, IPC_RMID, nullptr) < 0)
    fail_errno("cannot remove the System V segment {}", s.wanted.id);
  set_lock(s.wanted);
  fill(s);
  log::debug("Made System V segment {}, {} bytes", s.wanted.id, s.wanted.size);
}

void SegmentRestore::fill(const Segment& s) const {
  const int id = s.wanted.id;
  const uint64_t size = s.wanted.whole_size();
  auto* at = static_cast<char*>(s.attached);
  const PagesImage pages(dir_, image::Kind::kShmemPagemap, static_cast<uint64_t>(id));
  PageReads reads;
  uint64_t done = 0;
  for (const PageRun& run : pages.runs()) {
    if (run.end() > size) fail("the System V segment {}: pages beyond its end", id);
    if (!s.made) punch(id, at, done, run.start);
    reads.add(pages.in(run.start, run.end()), reinterpret_cast<uint64_t>(at));
    done = run.end();
  }
  if (!s.made) punch(id, at, done, size);
  reads.read(pages.open(dir_).get(), count_processors(),
             fmt::format("the pages of the System V segment {}", id));
}

void SegmentRestore::settle() {
  for (auto& [id, s] : needed_) {
    if (!s.made) {
      s.attached = attach_here(s.wanted);
      fill(s);
      set_lock(s.wanted);
    }
    shmdt(s.attached);
    s.attached = nullptr;
  }
}

bool SegmentMapper::is_writable(const VmaEntry& v) {
  return v.has_fdflags ? (v.fdflags & O_ACCMODE) == O_RDWR : (v.prot & PROT_WRITE) != 0;
}

uint64_t SegmentMapper::at(const VmaEntry& v) {
  const int id = static_cast<int>(v.shmid);
  const bool writable = is_writable(v);
  const auto [it, is_new] = attached_.try_emplace({id, v.start - v.pgoff, writable}, 0);
  if (is_new) it->second = attach(id, writable);
  return it->second + v.pgoff;
}

uint64_t SegmentMapper::attach(int id, bool writable) const {
  std::vector<Interval> taken;
  append_wanted(taken, mm_);
  for (const Vma& v : own_vmas()) taken.push_back({v.start, v.end});
  const files::SysvSegment& segment = segments_.segment(id);
  const uint64_t size = segment.whole_size();
  const uint64_t page = segment.page_size();
  const auto hole = find_hole(std::move(taken), size + page - kPage);
  if (!hole) fail("no free range of {} bytes for the System V segment {}", size, id);
  const uint64_t start = (*hole + page - 1) & ~(page - 1);
  void* at = reinterpret_cast<void*>(start);
  if (shmat(id, at, writable ? 0 : SHM_RDONLY) != at)
    fail_errno("cannot attach the System V segment {}", id);
  return start;
}

}  // namespace criu::mm
