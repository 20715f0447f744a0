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
#include "criu/base/parallel.h"
#include "criu/mm/aio-ring.h"
#include "criu/mm/memory-policy.h"
#include "criu/mm/mm-dump.h"
#include "criu/mm/page-dump.h"
#include "criu/mm/page-reads.h"
#include "criu/mm/vdso-restore.h"
#include "criu/mm/vma.h"
#include "criu/task/seccomp-restore.h"

namespace criu::mm {

namespace {

constexpr uint64_t kMaxSharedMemory = 1ULL << 46;
constexpr uint32_t kKnownAreas = kAreaRegular | kAreaStack | kAreaVsyscall | kAreaVdso | kAreaHeap |
                                 kFilePrivate | kFileShared | kAnonShared | kAnonPrivate |
                                 kAreaVvar | kAreaAioRing | kAreaMemfd | kAreaSysvIpc | kAreaSocket;
// Bits 28 to 31 of vma_entry.status mean nothing in images.
constexpr uint32_t kIgnoredAreas = 0xf0000000;

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

bool kernel_has_guards() {
  void* page = mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool has = madvise(page, kPage, pie::kMadvGuardInstall) == 0;
  munmap(page, kPage);
  return has;
}

void check_guards(const PlannedTask& task) {
  for (const VmaEntry* g : task.guards) {
    uint64_t mapped = g->start;
    while (const VmaEntry* v = mapped < g->end ? vma_at(*task.mm, mapped) : nullptr)
      mapped = v->end;
    if (g->start % kPage != 0 || g->end % kPage != 0 || g->start >= g->end || mapped < g->end)
      fail("mm-{}.img: guard pages {:#x}-{:#x} where nothing is mapped", task.pid, g->start,
           g->end);
  }
  if (!task.guards.empty() && !kernel_has_guards())
    fail("task {} has guard pages (MADV_GUARD_INSTALL), and this kernel has none (Linux 6.13 has)",
         task.pid);
}

}  // namespace

void SharedMemoryRestore::need(uint64_t shmid, uint64_t bytes, uint32_t huge) {
  if (bytes > kMaxSharedMemory) fail("shared memory {}: {} bytes are impossible", shmid, bytes);
  Object& object = objects_[shmid];
  object.bytes = std::max(object.bytes, bytes);
  object.huge |= huge;
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

// Into the object, which is mapped there.
void SharedMemoryRestore::read_pages(const PagesImage& pages, uint64_t shmid, uint64_t at,
                                     uint64_t mapped) const {
  PageReads reads;
  for (const PageRun& run : pages.runs()) {
    if (run.end() > mapped) fail("shared memory {}: pages beyond its end", shmid);
    reads.add(pages.in(run.start, run.end()), at);
  }
  reads.read(pages.open(dir_).get(), count_processors(),
             fmt::format("the pages of shared memory {}", shmid));
}

void SharedMemoryRestore::fill(uint64_t shmid, uint64_t size, int fd) const {
  if (size > kMaxSharedMemory) fail("shared memory {}: {} bytes are impossible", shmid, size);
  if (size == 0) return;
  const PagesImage pages(dir_, image::Kind::kShmemPagemap, shmid);
  const uint64_t mapped = page_up(size);
  if (ftruncate(fd, static_cast<off_t>(size)) < 0)
    fail_errno("cannot make shared memory {} of {} bytes", shmid, size);
  void* p = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (p == MAP_FAILED) fail_errno("cannot map {} bytes of shared memory", size);
  read_pages(pages, shmid, reinterpret_cast<uint64_t>(p), mapped);
  munmap(p, mapped);
}

void SharedMemoryRestore::make(uint64_t shmid, Object& object) {
  const PagesImage pages(dir_, image::Kind::kShmemPagemap, shmid);
  const ShmemEntry* known = pages.object();
  const uint64_t size = known != nullptr ? known->size : object.bytes;
  if (size > kMaxSharedMemory) fail("shared memory {}: {} bytes are impossible", shmid, size);
  const uint64_t mapped = std::max(page_up(size), kPage);
  if (known != nullptr && known->has_hugetlb_flag) object.huge |= MAP_HUGETLB | known->hugetlb_flag;
  const int huge = static_cast<int>(object.huge & kHugeFlags);
  void* p = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | huge, -1, 0);
  if (p == MAP_FAILED) fail_errno("cannot make shared memory of {} bytes", size);
  const auto at = reinterpret_cast<uint64_t>(p);
  read_pages(pages, shmid, at, mapped);
  object.fd =
      fds_.raise(open_path(fmt::format("/proc/self/map_files/{:x}-{:x}", at, at + mapped), O_RDWR));
  munmap(p, mapped);
  if (size != mapped && ftruncate(object.fd.get(), static_cast<off_t>(size)) < 0)
    fail_errno("cannot make shared memory {} of {} bytes", shmid, size);
  // Whoever made it may open it anew.
  if (known != nullptr && (fchown(object.fd.get(), known->uid, known->gid) < 0 ||
                           fchmod(object.fd.get(), known->mode & 07777) < 0))
    fail_errno("cannot set the owner of shared memory {}", shmid);
  log::debug("Made shared memory {}, {} bytes", shmid, size);
}

void check_mm(const PlannedTask& task, files::FileRestore& files, SharedMemoryRestore& shared,
              SegmentRestore& segments) {
  const MmEntry& mm = *task.mm;
  uint64_t end = 0;
  for (size_t i = 0; i < mm.n_vmas; i++) {
    const VmaEntry& v = *mm.vmas[i];
    check_vma(v, end, task.pid);
    end = v.end;
    if ((v.status & (kFilePrivate | kFileShared)) != 0)
      files.need_place(static_cast<uint32_t>(v.shmid));
    if ((v.status & kAreaSocket) != 0) files.need_mapped_socket(static_cast<uint32_t>(v.shmid));
    if ((v.status & kAreaSysvIpc) != 0) {
      segments.need(task, v);
    } else if ((v.status & kAnonShared) != 0) {
      if (v.pgoff > kMaxSharedMemory)
        fail("mm-{}.img: the mapping at {:#x} lies at an impossible offset", task.pid, v.start);
      shared.need(v.shmid, v.pgoff + (v.end - v.start), v.flags & kHugeFlags);
    }
  }
  files.need_place(mm.exe_file_id);
  if (mm.n_mm_saved_auxv > 128)
    fail("mm-{}.img: an auxv of {} words", task.pid, mm.n_mm_saved_auxv);
  check_aio_rings(mm, task.pid);
  check_guards(task);
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
  MapPlanner(RestorerArea& area, const MemorySources& from, int pages_fd)
      : area_(area),
        from_(from),
        pages_fd_(pages_fd),
        files_(from.files),
        shared_(from.shared),
        segments_(from.segments, *from.task.mm) {}

  // ready_at: where its memory is already, filled.
  pie::MapRequest request(const VmaEntry& v, bool filled, std::optional<uint64_t> ready_at) {
    pie::MapRequest m{};
    m.start = v.start, m.end = v.end, m.offset = v.pgoff;
    m.prot = m.fill_prot = v.prot;
    m.flags = v.flags & (MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE |
                         kHugeFlags);
    m.fd = -1;
    if (ready_at) {
      m.ready_at = *ready_at;
      m.fill_prot = PROT_READ | PROT_WRITE;
    } else if ((v.status & kAreaSysvIpc) != 0) {
      m.ready_at = segments_.at(v);
      m.fill_prot = SegmentMapper::is_writable(v) ? PROT_READ | PROT_WRITE : PROT_READ;
    } else if ((v.status & kAreaAioRing) != 0) {
      m.ready_at = make_aio_ring(*from_.task.mm, v, from_.pages, pages_fd_);
      m.fill_prot = PROT_READ | PROT_WRITE;
    } else if ((v.status & kAreaSocket) != 0) {
      m.fd = files_.mapped_socket(static_cast<uint32_t>(v.shmid));
      m.flags &= ~static_cast<uint32_t>(MAP_ANONYMOUS);
    } else if ((v.status & (kFilePrivate | kFileShared)) != 0) {
      m.fd = file(v);
      m.flags &= ~static_cast<uint32_t>(MAP_ANONYMOUS);
    } else if ((v.status & kAnonShared) != 0) {
      m.fd = shared_.made_fd(v.shmid);
      m.flags &= ~static_cast<uint32_t>(MAP_ANONYMOUS);
    } else {
      m.offset = 0;
    }
    if (filled && m.ready_at == 0) m.fill_prot |= PROT_READ | PROT_WRITE;
    m.advice = v.has_madv ? v.madv : 0;
    if ((v.flags & MAP_LOCKED) != 0)
      m.lock = v.has_lock_on_fault && v.lock_on_fault ? pie::kLockOnFault : pie::kLockAll;
    m.sealed = v.has_sealed && v.sealed;
    m.name = name(v);
    m.policy = plan_policy(area_, v);
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
  const MemorySources& from_;
  int pages_fd_;
  files::FileRestore& files_;
  const SharedMemoryRestore& shared_;
  SegmentMapper segments_;
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

// Threads that the restorer reads so many pages with, besides the task's first.
uint64_t count_fillers(uint64_t pages) {
  return std::max(count_threads(pages), 1U) - 1;
}

size_t filling_bytes(uint64_t pages) {
  const uint64_t buffer = PageReads::buffer_bytes(pages), fillers = count_fillers(pages);
  return (fillers + 1) * (buffer + kPage) + fillers * (sizeof(pie::PageFiller) + pie::kFillerStack);
}

void plan_filling(RestorerArea& area, pie::RestorerArgs* args, const PageReads& reads) {
  copy_in(area, args->pages, args->nr_pages, reads.parts());
  copy_in(area, args->reads, args->nr_reads, reads.batches());
  args->page_buffer_size = PageReads::buffer_bytes(reads.pages());
  if (args->page_buffer_size == 0) return;
  args->page_buffer = area.make_pages(args->page_buffer_size);
  args->nr_fillers = count_fillers(reads.pages());
  args->fillers = area.make<pie::PageFiller>(args->nr_fillers);
  for (uint64_t i = 0; i < args->nr_fillers; i++) {
    pie::PageFiller& f = args->fillers[i];
    f.args = args;
    f.buffer = area.make_pages(args->page_buffer_size);
    f.stack_top =
        reinterpret_cast<uint64_t>(area.make_pages(pie::kFillerStack)) + pie::kFillerStack;
  }
}

// The vDSO's own pages are in the image for other readers; ours is moved home whole.
bool is_filled_when_made(const VmaEntry& v) {
  return is_vdso_entry(v) || (v.status & kAreaAioRing) != 0;
}

uint64_t plan_reads(RestorerArea& area, pie::RestorerArgs* args, const MemorySources& from) {
  const MmEntry& mm = *from.task.mm;
  PageReads reads;
  for (const PageRun& run : from.pages.runs()) {
    for (uint64_t at = run.start; at < run.end();) {
      const VmaEntry* v = vma_at(mm, at);
      if (v == nullptr) fail("task {}: pages at {:#x}, where nothing is mapped", from.task.pid, at);
      const uint64_t end = std::min(v->end, run.end());
      if ((v->flags & MAP_SHARED) != 0 && !is_filled_when_made(*v))
        fail("task {}: pages at {:#x} are shared", from.task.pid, at);
      if (!is_filled_when_made(*v) && !from.inherited.place(*v))
        reads.add(from.pages.in(at, end), 0);
      at = end;
    }
  }
  plan_filling(area, args, reads);
  return reads.pages();
}

// Of what this process has mapped, only this outlives the old address space.
void plan_kept(RestorerArea& area, pie::RestorerArgs* args,
               const std::vector<pie::MapRequest>& maps) {
  std::vector<pie::KeptRange> kept = {{area.start(), area.start() + area.size()}};
  for (const pie::MapRequest& m : maps)
    if (m.ready_at != 0) kept.push_back({m.ready_at, m.ready_at + (m.end - m.start)});
  std::ranges::sort(kept, {}, &pie::KeptRange::start);
  copy_in(area, args->kept, args->nr_kept, kept);
}

}  // namespace

uint64_t plan_memory(RestorerArea& area, pie::RestorerArgs* args, const MemorySources& from) {
  const MmEntry& mm = *from.task.mm;
  const uint64_t read = plan_reads(area, args, from);
  UniqueFd pages = from.pages.open(from.dir);
  args->pages_fd = from.fds.raise(std::move(pages)).release();

  MapPlanner planner(area, from, args->pages_fd);
  std::vector<pie::MapRequest> maps;
  const std::vector<PageRun>& runs = from.pages.runs();
  size_t next = 0;
  for (size_t i = 0; i < mm.n_vmas; i++) {
    const VmaEntry& v = *mm.vmas[i];
    while (next < runs.size() && runs[next].end() <= v.start) next++;
    const bool filled = next < runs.size() && runs[next].start < v.end;
    if (is_mapped_anew(v)) maps.push_back(planner.request(v, filled, from.inherited.place(v)));
  }
  const VdsoPlan vdso = plan_vdso(from.task, area.earlier_vmas(), from.pages, args->pages_fd);
  maps.insert(maps.end(), vdso.maps.begin(), vdso.maps.end());
  copy_in(area, args->maps, args->nr_maps, maps);
  copy_in(area, args->vdso, args->nr_vdso, area.vdso_parts(vdso.moves));
  std::vector<pie::KeptRange> guards;
  for (const VmaEntry* g : from.task.guards) guards.push_back({g->start, g->end});
  copy_in(area, args->guards, args->nr_guards, guards);
  plan_kept(area, args, maps);
  plan_fields(area, args->mm, mm, from.files.open_place(mm.exe_file_id).release());
  args->thp_disabled = mm.has_thp_disabled && mm.thp_disabled;
  args->thp_disable_flags = mm.has_thp_disable_flags ? mm.thp_disable_flags : 0;
  args->memory_merge = mm.has_memory_merge && mm.memory_merge;
  args->mlock_future = mm.has_mlock_future ? mm.mlock_future : 0;
  args->mdwe = mm.has_mdwe ? mm.mdwe : 0;
  args->dumpable = mm.has_dumpable ? mm.dumpable : -1;
  args->task_size = kTaskSize;
  return read;
}

size_t estimate_args(const PlannedTask& task, const PagesImage& pages, size_t locks) {
  constexpr size_t kOdds = 64 * 1024;
  size_t signals = 0, timers = 0, groups = 0, bytes = 0;
  for (const CoreEntry* core : task.cores) {
    if (const SignalQueueEntry* q = core->thread_core->signals_p) signals += q->n_signals;
    groups += core->thread_core->creds->n_groups;
    if (core->thread_core->has_cpu_affinity) bytes += core->thread_core->cpu_affinity.len;
    bytes += policy_bytes(*core->thread_core);
  }
  for (const VmaEntry* v : std::span(task.mm->vmas, task.mm->n_vmas)) {
    if (v->anon_name != nullptr) bytes += strlen(v->anon_name) + 1;
    bytes += policy_bytes(*v);
  }
  if (const SignalQueueEntry* q = task.core().signals_s) signals += q->n_signals;
  if (const TaskTimersEntry* t = task.core().timers) timers = t->n_posix;
  constexpr size_t kPerRun = sizeof(pie::IoVec) + sizeof(pie::PageRead);
  uint64_t stored = 0;
  for (const PageRun& run : pages.runs()) stored += run.pages;
  return kOdds + task.guards.size() * sizeof(pie::KeptRange) +
         task.mm->n_vmas * (sizeof(pie::MapRequest) + sizeof(pie::KeptRange) + kPerRun) +
         PageReads::most_entries(stored, pages.runs().size()) * kPerRun + filling_bytes(stored) +
         task.threads.size() * sizeof(pie::ThreadRequest) +
         task.table.size() * (sizeof(pie::FileOwner) + sizeof(pie::ThreadFile)) +
         locks * sizeof(pie::FileLock) + signals * sizeof(pie::QueuedSignal) +
         timers * sizeof(pie::PosixTimerRequest) + groups * sizeof(uint32_t) +
         seccomp_scratch_size(task) + bytes;
}

}  // namespace criu::mm
