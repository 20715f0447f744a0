// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/mm-restore.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/mm/mm-dump.h"
#include "criu/mm/vdso.h"
#include "criu/mm/vma.h"

namespace criu::mm {

namespace {

constexpr uint64_t kTaskSize = 0x7ffffffff000;  // TASK_SIZE of x86-64 with 4-level page tables
constexpr uint32_t kPagePresent = 0x4;          // pagemap_entry.flags
constexpr uint64_t kMaxSharedMemory = 1ULL << 46;
constexpr uint32_t kKnownAreas = kAreaRegular | kAreaStack | kAreaVsyscall | kAreaVdso | kAreaHeap |
                                 kFilePrivate | kFileShared | kAnonShared | kAnonPrivate |
                                 kAreaVvar;
// Bits 28 to 31 of vma_entry.status mean nothing in images.
constexpr uint32_t kIgnoredAreas = 0xf0000000;

uint64_t page_up(uint64_t n) {
  return (n + kPage - 1) & ~(kPage - 1);
}

bool is_mapped_anew(const VmaEntry& v) {
  return !is_vdso_entry(v) && (v.status & kAreaVsyscall) == 0;
}

void check_vma(const VmaEntry& v, uint64_t previous_end, pid_t pid) {
  if (v.start % kPage != 0 || v.end % kPage != 0 || v.start >= v.end || v.start < previous_end ||
      (v.end > kTaskSize && (v.status & kAreaVsyscall) == 0))
    fail("mm-{}.img: the mapping {:#x}-{:#x} is impossible", pid, v.start, v.end);
  const uint32_t unknown = v.status & ~(kKnownAreas | kIgnoredAreas);
  if (unknown != 0)
    fail("mm-{}.img: the mapping {:#x}-{:#x} is of a kind ({:#x}) that is not supported yet", pid,
         v.start, v.end, unknown);
}

// The mapping that an address lies in, or null; they are in ascending order.
const VmaEntry* vma_at(const MmEntry& mm, uint64_t addr) {
  const auto all = std::span(mm.vmas, mm.n_vmas);
  const auto it = std::ranges::upper_bound(all, addr, {}, [](const VmaEntry* v) { return v->end; });
  return it != all.end() && (*it)->start <= addr ? *it : nullptr;
}

}  // namespace

PagesImage open_pages(const image::Directory& dir, image::Kind pagemap_kind, uint64_t id) {
  image::Arena arena;
  image::Reader img(dir, pagemap_kind, id);
  const auto* head = img.must_next<PagemapHead>(arena);
  PagesImage pages;
  if (head->shmem != nullptr) {
    pages.has_object = true;
    pages.object.size = head->shmem->size, pages.object.mode = head->shmem->mode;
    pages.object.uid = head->shmem->uid, pages.object.gid = head->shmem->gid;
  }
  uint64_t total = 0, last_end = 0;
  while (const auto* e = img.next<PagemapEntry>(arena)) {
    const uint64_t n = e->has_nr_pages ? e->nr_pages : e->compat_nr_pages;
    const bool present =
        e->has_flags ? (e->flags & kPagePresent) != 0 : !(e->has_in_parent && e->in_parent);
    if (!present) fail("{}: pages of a parent image are not supported yet", img.name());
    if (e->vaddr % kPage != 0 || e->vaddr < last_end || e->vaddr > kTaskSize || n == 0 ||
        n > (kTaskSize - e->vaddr) / kPage)
      fail("{}: the run of {} pages at {:#x} is impossible", img.name(), n, e->vaddr);
    append_run(pages.runs, e->vaddr, n);
    last_end = e->vaddr + n * kPage;
    total += n;
  }
  pages.fd = dir.open(image::file_name(image::Kind::kPages, head->pages_id));
  struct stat st {};
  if (fstat(pages.fd.get(), &st) < 0) fail_errno("cannot examine pages-{}.img", head->pages_id);
  if (static_cast<uint64_t>(st.st_size) < total * kPage)
    fail("pages-{}.img is truncated: {} pages are named, {} bytes are there", head->pages_id, total,
         st.st_size);
  return pages;
}

void SharedMemoryRestore::need(uint64_t shmid, uint64_t bytes) {
  if (bytes > kMaxSharedMemory) fail("shared memory {}: {} bytes are impossible", shmid, bytes);
  objects_[shmid].bytes = std::max(objects_[shmid].bytes, bytes);
}

void SharedMemoryRestore::make_all() {
  for (auto& [shmid, object] : objects_)
    if (!object.fd) make(shmid, object);
}

int SharedMemoryRestore::fd(uint64_t shmid) {
  Object& object = objects_[shmid];
  if (!object.fd) make(shmid, object);
  return object.fd.get();
}

void SharedMemoryRestore::make(uint64_t shmid, Object& object) {
  const PagesImage pages = open_pages(dir_, image::Kind::kShmemPagemap, shmid);
  const uint64_t size = pages.has_object ? pages.object.size : object.bytes;
  if (size > kMaxSharedMemory) fail("shared memory {}: {} bytes are impossible", shmid, size);
  const uint64_t mapped = std::max(page_up(size), kPage);
  void* p = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) fail_errno("cannot make shared memory of {} bytes", size);
  const auto at = reinterpret_cast<uint64_t>(p);
  for (const PageRun& run : pages.runs) {
    if (run.end() > mapped) fail("shared memory {}: pages beyond its end", shmid);
    read_exact(pages.fd.get(), reinterpret_cast<void*>(at + run.start), run.bytes(),
               fmt::format("the pages of shared memory {}", shmid));
  }
  object.fd =
      fds_.raise(open_path(fmt::format("/proc/self/map_files/{:x}-{:x}", at, at + mapped), O_RDWR));
  munmap(p, mapped);
  if (size != mapped && ftruncate(object.fd.get(), static_cast<off_t>(size)) < 0)
    fail_errno("cannot make shared memory {} of {} bytes", shmid, size);
  // Whoever made it may open it anew.
  if (pages.has_object && (fchown(object.fd.get(), pages.object.uid, pages.object.gid) < 0 ||
                           fchmod(object.fd.get(), pages.object.mode & 07777) < 0))
    fail_errno("cannot set the owner of shared memory {}", shmid);
  log::debug("Made shared memory {}, {} bytes", shmid, size);
}

void check_mm(const PlannedTask& task, files::FileRestore& files, SharedMemoryRestore& shared) {
  const MmEntry& mm = *task.mm;
  uint64_t end = 0;
  for (size_t i = 0; i < mm.n_vmas; i++) {
    const VmaEntry& v = *mm.vmas[i];
    check_vma(v, end, task.pid);
    end = v.end;
    if ((v.status & (kFilePrivate | kFileShared)) != 0)
      files.need_place(static_cast<uint32_t>(v.shmid));
    if ((v.status & kAnonShared) != 0) {
      if (v.pgoff > kMaxSharedMemory)
        fail("mm-{}.img: the mapping at {:#x} lies at an impossible offset", task.pid, v.start);
      shared.need(v.shmid, v.pgoff + (v.end - v.start));
    }
  }
  files.need_place(mm.exe_file_id);
  if (mm.n_mm_saved_auxv > 128)
    fail("mm-{}.img: an auxv of {} words", task.pid, mm.n_mm_saved_auxv);
  if (mm.n_aios != 0) fail("mm-{}.img: AIO rings are not supported yet", task.pid);
}

namespace {

constexpr size_t kLeaderStack = 64 * 1024, kThreadStack = 16 * 1024;

struct Interval {
  uint64_t start, end;
};

// A range that is free both now and in the address space to come. From the top, so that it lies
// far from the heap.
uint64_t find_hole(std::vector<Interval> taken, uint64_t size) {
  std::ranges::sort(taken, {}, &Interval::start);
  constexpr uint64_t kLowest = 0x100000;
  uint64_t at = kLowest, found = 0;
  const auto consider = [&](uint64_t start, uint64_t end) {
    if (end > start && end - start >= size + 2 * kPage) found = end - size - kPage;
  };
  for (const Interval& i : taken) {
    consider(at, std::min(i.start, kTaskSize));
    at = std::max(at, i.end);
  }
  consider(at, kTaskSize);
  if (found == 0) fail("no free range of {} bytes for the restorer", size);
  return found;
}

std::vector<Vma> own_vmas() {
  return parse_smaps(read_file("/proc/self/maps"));
}

}  // namespace

RestorerArea::RestorerArea(const PlannedTask& task, size_t args_bytes, size_t stages_bytes) {
  extern const uint8_t blob_start[] asm("restorer_blob"), blob_end[] asm("restorer_blob_end");
  const auto blob = static_cast<uint64_t>(blob_end - blob_start);
  std::vector<Interval> taken;
  uint64_t vdso_bytes = 0;
  for (const Vma& v : own_vmas()) {
    taken.push_back({v.start, v.end});
    if (v.is_vdso() || v.is_vvar()) vdso_bytes += v.size();
  }
  for (size_t i = 0; i < task.mm->n_vmas; i++) {
    const VmaEntry& v = *task.mm->vmas[i];
    // Nothing may stand where a stack will want to grow.
    const uint64_t below =
        (v.flags & MAP_GROWSDOWN) != 0 ? std::min<uint64_t>(v.start, 1ULL << 30) : 0;
    taken.push_back({v.start - below, v.end});
  }
  const uint64_t args = page_up(blob);
  args_end_ = args + page_up(args_bytes);
  stacks_ = args_end_;
  stages_ = stacks_ + kLeaderStack + (task.threads.size() - 1) * kThreadStack;
  vdso_ = stages_ + page_up(stages_bytes);
  size_ = vdso_ + vdso_bytes;
  start_ = find_hole(std::move(taken), size_);
  for (uint64_t* offset : {&args_end_, &stacks_, &stages_, &vdso_}) *offset += start_;
  next_ = start_ + args;
  void* p = mmap(reinterpret_cast<void*>(start_), size_, PROT_READ | PROT_WRITE | PROT_EXEC,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
  if (p != reinterpret_cast<void*>(start_)) fail_errno("cannot map the restorer");
  std::memcpy(p, blob_start, blob);
}

void* RestorerArea::allocate(size_t bytes, size_t align) {
  next_ = (next_ + align - 1) & ~static_cast<uint64_t>(align - 1);
  if (next_ + bytes > args_end_) fail("the restorer's arguments are larger than was reckoned");
  void* p = reinterpret_cast<void*>(next_);
  next_ += bytes;
  return p;
}

uint64_t RestorerArea::stack_top(size_t thread) const {
  return stacks_ + kLeaderStack + thread * kThreadStack;
}

pie::SharedStages* RestorerArea::move_stages(pie::SharedStages* stages) {
  const size_t size = page_up(sizeof *stages);
  void* p =
      mremap(stages, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, reinterpret_cast<void*>(stages_));
  if (p == MAP_FAILED) fail_errno("cannot move the shared stages");
  return static_cast<pie::SharedStages*>(p);
}

std::vector<pie::VdsoPart> RestorerArea::vdso_parts(const PlannedTask& task,
                                                    std::optional<uint64_t> vdso_hash) const {
  const std::vector<Vma> own = own_vmas();
  const auto moves = match_vdso({task.mm->vmas, task.mm->n_vmas}, own);
  bool same = moves.has_value();
  if (same && !moves->empty() && vdso_hash)
    for (const Vma& v : own)
      if (v.is_vdso()) same = fnv1a(reinterpret_cast<void*>(v.start), v.size()) == *vdso_hash;
  if (!same) fail("task {} was dumped on a kernel with another vDSO: not supported yet", task.pid);

  std::vector<pie::VdsoPart> parts;
  uint64_t parked = vdso_;
  for (const Vma& v : own) {
    if (!v.is_vdso() && !v.is_vvar()) continue;
    const auto move = std::ranges::find(*moves, v.start, &VdsoMove::from);
    parts.push_back({v.start, parked, move == moves->end() ? 0 : move->to, v.size()});
    parked += v.size();
  }
  return parts;
}

namespace {

template <typename T>
void copy_in(RestorerArea& area, T*& to, uint64_t& n, const std::vector<T>& from) {
  n = from.size();
  to = area.make<T>(from.size());
  std::copy(from.begin(), from.end(), to);
}

class MapPlanner {
 public:
  MapPlanner(RestorerArea& area, files::FileRestore& files, const SharedMemoryRestore& shared)
      : area_(area), files_(files), shared_(shared) {}

  pie::MapRequest request(const VmaEntry& v, bool filled) {
    pie::MapRequest m{};
    m.start = v.start, m.end = v.end, m.offset = v.pgoff;
    m.prot = m.fill_prot = v.prot;
    m.flags = v.flags & (MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE);
    m.fd = -1;
    if ((v.status & (kFilePrivate | kFileShared)) != 0) {
      m.fd = file(v);
      m.flags &= ~static_cast<uint32_t>(MAP_ANONYMOUS);
    } else if ((v.status & kAnonShared) != 0) {
      m.fd = shared_.made_fd(v.shmid);
      m.flags &= ~static_cast<uint32_t>(MAP_ANONYMOUS);
    } else {
      m.offset = 0;
    }
    if (filled) m.fill_prot |= PROT_READ | PROT_WRITE;
    m.advice = v.has_madv ? v.madv : 0;
    if ((v.flags & MAP_LOCKED) != 0)
      m.lock = v.has_lock_on_fault && v.lock_on_fault ? pie::kLockOnFault : pie::kLockAll;
    m.name = name(v);
    return m;
  }

 private:
  const char* name(const VmaEntry& v) {
    if (v.anon_name == nullptr || !keeps_names()) return nullptr;
    const size_t size = strlen(v.anon_name) + 1;
    auto* to = area_.make<char>(size);
    memcpy(to, v.anon_name, size);
    return to;
  }
  // A name is for people to read: a kernel that keeps none (CONFIG_ANON_VMA_NAME) is no reason to
  // refuse a task.
  static bool keeps_names() {
    static const bool keeps = [] {
      void* page = mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      const bool ok = prctl(kPrSetVma, 0, page, kPage, "probe") == 0;
      munmap(page, kPage);
      if (!ok) log::warn("this kernel keeps no names of anonymous memory: they are left out");
      return ok;
    }();
    return keeps;
  }
  static constexpr int kPrSetVma = 0x53564d41;  // PR_SET_VMA; 0: PR_SET_VMA_ANON_NAME

  // A file that is mapped may be named by an entry of other flags: those of the mapping count.
  int file(const VmaEntry& v) {
    const auto id = static_cast<uint32_t>(v.shmid);
    const bool writable = v.has_fdflags && (v.fdflags & O_ACCMODE) == O_RDWR;
    const auto it = fds_.find({id, writable});
    if (it != fds_.end()) return it->second;
    UniqueFd fd = files_.open_place(id);
    if (writable && (fcntl(fd.get(), F_GETFL) & O_ACCMODE) != O_RDWR)
      fd = shared_.fds().raise(open_path(self_fd(fd.get()), O_RDWR));
    return fds_[{id, writable}] = fd.release();
  }

  RestorerArea& area_;
  files::FileRestore& files_;
  const SharedMemoryRestore& shared_;
  std::map<std::pair<uint32_t, bool>, int> fds_;  // stay open: the restorer closes them
};

void plan_fields(RestorerArea& area, pie::MmMap& to, const MmEntry& mm, int exe_fd) {
  to.start_code = mm.mm_start_code, to.end_code = mm.mm_end_code;
  to.start_data = mm.mm_start_data, to.end_data = mm.mm_end_data;
  to.start_brk = mm.mm_start_brk, to.brk = mm.mm_brk, to.start_stack = mm.mm_start_stack;
  to.arg_start = mm.mm_arg_start, to.arg_end = mm.mm_arg_end;
  to.env_start = mm.mm_env_start, to.env_end = mm.mm_env_end;
  auto* auxv = area.make<uint64_t>(mm.n_mm_saved_auxv);
  std::copy_n(mm.mm_saved_auxv, mm.n_mm_saved_auxv, auxv);
  to.auxv = reinterpret_cast<uint64_t>(auxv);
  to.auxv_size = static_cast<uint32_t>(mm.n_mm_saved_auxv * sizeof(uint64_t));
  to.exe_fd = static_cast<uint32_t>(exe_fd);
}

// What the task's vDSO looked like: as the mm entry tells, or by its pages. Others than this
// project tell by the pages alone.
std::optional<uint64_t> vdso_hash(const MmEntry& mm, const PagesImage& pages) {
  if (mm.has_vdso_hash) return mm.vdso_hash;
  const auto all = std::span(mm.vmas, mm.n_vmas);
  const auto vdso =
      std::ranges::find_if(all, [](const VmaEntry* v) { return (v->status & kAreaVdso) != 0; });
  uint64_t offset = 0;
  for (const PageRun& run : pages.runs) {
    if (vdso != all.end() && run.start <= (*vdso)->start && (*vdso)->end <= run.end()) {
      std::vector<uint8_t> bytes((*vdso)->end - (*vdso)->start);
      offset += (*vdso)->start - run.start;
      if (pread(pages.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) !=
          static_cast<ssize_t>(bytes.size()))
        fail_errno("cannot read the vDSO from the pages image");
      return fnv1a(bytes.data(), bytes.size());
    }
    offset += run.bytes();
  }
  return std::nullopt;
}

}  // namespace

PlannedMemory plan_memory(RestorerArea& area, pie::RestorerArgs* args, const PlannedTask& task,
                          const image::Directory& dir, files::FileRestore& files,
                          const SharedMemoryRestore& shared, const ServiceFds& fds) {
  const MmEntry& mm = *task.mm;
  PlannedMemory planned;
  PagesImage pages = open_pages(dir, image::Kind::kPagemap, static_cast<uint64_t>(task.pid));
  // The vDSO's own pages are in the image for other readers; ours is moved home whole. They are
  // skipped by reading them into nowhere: the order of the pages image must be kept.
  std::vector<pie::IoVec> iov;
  auto* scratch = area.make<uint8_t>(kPage);
  for (const PageRun& run : pages.runs) {
    for (uint64_t at = run.start; at < run.end();) {
      const VmaEntry* v = vma_at(mm, at);
      if (v == nullptr) fail("task {}: pages at {:#x}, where nothing is mapped", task.pid, at);
      const uint64_t end = std::min(v->end, run.end());
      if (is_vdso_entry(*v)) {
        for (; at < end; at += kPage) iov.push_back({reinterpret_cast<uint64_t>(scratch), kPage});
      } else {
        if ((v->flags & MAP_SHARED) != 0) fail("task {}: pages at {:#x} are shared", task.pid, at);
        iov.push_back({at, end - at});
        planned.private_pages += (end - at) / kPage;
      }
      at = end;
    }
  }
  copy_in(area, args->pages, args->nr_pages, iov);
  const std::optional<uint64_t> hash = vdso_hash(mm, pages);
  args->pages_fd = fds.raise(std::move(pages.fd)).release();

  MapPlanner planner(area, files, shared);
  std::vector<pie::MapRequest> maps;
  size_t next = 0;
  for (size_t i = 0; i < mm.n_vmas; i++) {
    const VmaEntry& v = *mm.vmas[i];
    while (next < pages.runs.size() && pages.runs[next].end() <= v.start) next++;
    const bool filled = next < pages.runs.size() && pages.runs[next].start < v.end;
    if (is_mapped_anew(v)) maps.push_back(planner.request(v, filled));
  }
  copy_in(area, args->maps, args->nr_maps, maps);
  copy_in(area, args->vdso, args->nr_vdso, area.vdso_parts(task, hash));
  plan_fields(area, args->mm, mm, files.open_place(mm.exe_file_id).release());
  args->thp_disabled = mm.has_thp_disabled && mm.thp_disabled;
  args->thp_disable_flags = mm.has_thp_disable_flags ? mm.thp_disable_flags : 0;
  args->memory_merge = mm.has_memory_merge && mm.memory_merge;
  args->mlock_future = mm.has_mlock_future ? mm.mlock_future : 0;
  args->dumpable = mm.has_dumpable ? mm.dumpable : -1;
  args->task_size = kTaskSize;
  return planned;
}

size_t estimate_args(const PlannedTask& task, size_t page_runs) {
  constexpr size_t kOdds = 64 * 1024;
  size_t signals = 0, timers = 0, groups = 0, bytes = 0;
  for (const CoreEntry* core : task.cores) {
    if (const SignalQueueEntry* q = core->thread_core->signals_p) signals += q->n_signals;
    groups += core->thread_core->creds->n_groups;
    if (core->thread_core->has_cpu_affinity) bytes += core->thread_core->cpu_affinity.len;
  }
  for (size_t i = 0; i < task.mm->n_vmas; i++)
    if (const char* name = task.mm->vmas[i]->anon_name) bytes += strlen(name) + 1;
  if (const SignalQueueEntry* q = task.core().signals_s) signals += q->n_signals;
  if (const TaskTimersEntry* t = task.core().timers) timers = t->n_posix;
  return kOdds + task.mm->n_vmas * (sizeof(pie::MapRequest) + sizeof(pie::IoVec)) +
         page_runs * sizeof(pie::IoVec) + task.threads.size() * sizeof(pie::ThreadRequest) +
         task.table.size() * sizeof(pie::FileOwner) + signals * sizeof(pie::QueuedSignal) +
         timers * sizeof(pie::PosixTimerRequest) + groups * sizeof(uint32_t) + bytes;
}

}  // namespace criu::mm
