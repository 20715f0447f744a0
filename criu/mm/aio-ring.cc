// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/aio-ring.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "compel/memory.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/stopwatch.h"
#include "criu/mm/restorer-area.h"

namespace criu::mm {

namespace {

static_assert(sizeof(AioHeader) == AioHeader::kEvent && sizeof(io_event) == AioHeader::kEvent);

// Keeps the calling thread on one processor. The kernel hands out the room of a ring in parts, to
// each processor its own (fs/aio.c, get_reqs_available()): none is to be left on another one.
class OnOneProcessor {
 public:
  OnOneProcessor() {
    cpu_set_t one;
    CPU_ZERO(&one);
    const int cpu = sched_getcpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof before_, &before_) < 0) return;
    CPU_SET(static_cast<unsigned>(cpu), &one);
    is_set_ = sched_setaffinity(0, sizeof one, &one) == 0;
  }
  ~OnOneProcessor() {
    if (is_set_) sched_setaffinity(0, sizeof before_, &before_);
  }
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;

 private:
  cpu_set_t before_{};
  bool is_set_ = false;
};

// A context of this process's own.
class NewRing {
 public:
  // Asks for room for that many requests.
  explicit NewRing(uint32_t requests) {
    if (syscall(SYS_io_setup, requests, &context_) == 0) return;
    if (errno == EAGAIN)
      fail(
          "cannot make an AIO context for {} requests: there are as many as "
          "/proc/sys/fs/aio-max-nr allows",
          requests);
    if (errno == ENOSYS) fail("this kernel has no asynchronous I/O (CONFIG_AIO)");
    fail_errno("cannot make an AIO context for {} requests", requests);
  }

  AioHeader& header() { return *reinterpret_cast<AioHeader*>(context_); }

  // Brings the kernel's place to `tail`, with what lies behind `head` not taken out yet. The kernel
  // counts what waits: of each event there has to be a request. These ones read nothing.
  void turn_to(uint32_t head, uint32_t tail, int fd) {
    const OnOneProcessor stay;
    const auto go_on = [&](uint32_t events, bool take_out) {
      constexpr uint32_t kBatch = 32;
      for (uint32_t some; events != 0; events -= some) {
        some = std::min(events, kBatch);
        complete(some, fd);
        if (take_out) header().head = header().tail;
      }
    };
    const uint32_t nr = header().nr;
    go_on(head, true);
    go_on((tail + nr - head) % nr, false);
    if (header().tail != tail)
      fail("an AIO ring stands at event {}, not at {}", header().tail, tail);
  }

  // To where nothing is that is needed; returns the new place.
  uint64_t move_to_hole(const MmEntry& mm) {
    const uint64_t size = header().size();
    std::vector<Interval> taken;
    append_wanted(taken, mm);
    for (const Vma& own : own_vmas()) taken.push_back({own.start, own.end});
    const auto hole = find_hole(std::move(taken), size);
    if (!hole) fail("no free range of {} bytes for an AIO ring", size);
    void* at = mremap(reinterpret_cast<void*>(context_), size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
                      reinterpret_cast<void*>(*hole));
    if (at == MAP_FAILED) fail_errno("cannot move an AIO ring");
    return context_ = *hole;
  }

 private:
  void complete(uint32_t n, int fd) {
    iocb request{};
    request.aio_lio_opcode = IOCB_CMD_PREAD;
    request.aio_fildes = static_cast<uint32_t>(fd);
    request.aio_buf = reinterpret_cast<uint64_t>(&request);
    std::vector<iocb*> all(n, &request);
    while (!all.empty()) {
      const long done = syscall(SYS_io_submit, context_, all.size(), all.data());
      if (done <= 0) fail_errno("cannot fill an AIO ring");
      all.resize(all.size() - static_cast<size_t>(done));
    }
  }

  aio_context_t context_ = 0;
};

const AioRingEntry* entry_of(const MmEntry& mm, const VmaEntry& v) {
  const auto all = std::span(mm.aios, mm.n_aios);
  const auto it = std::ranges::find(all, v.start, [](const AioRingEntry* e) { return e->id; });
  return it == all.end() ? nullptr : *it;
}

std::vector<uint8_t> read_ring(const VmaEntry& v, const PagesImage& pages, int pages_fd) {
  std::vector<uint8_t> bytes(v.end - v.start);
  for (const StoredPages& p : pages.in(v.start, v.end))
    if (pread(pages_fd, &bytes[p.start - v.start], p.bytes(), static_cast<off_t>(p.offset)) !=
        static_cast<ssize_t>(p.bytes()))
      fail_errno("cannot read the AIO ring at {:#x} from the pages image", v.start);
  return bytes;
}

}  // namespace

uint64_t AioHeader::size() const {
  if (magic != kMagic || header_length != sizeof *this || nr == 0 || tail >= nr) return 0;
  return page_up(sizeof *this + nr * kEvent);
}

// The kernel makes room for two more than twice as many (fs/aio.c, ioctx_alloc() and
// aio_setup_ring()), and uses what is left of the last page.
uint32_t requests_for(uint64_t bytes) {
  const uint64_t smaller = bytes - kPage;  // the largest that does not do
  if (smaller == 0) return 1;
  const uint64_t room = (smaller - sizeof(AioHeader)) / AioHeader::kEvent;
  return static_cast<uint32_t>((room - 2) / 2 + 1);
}

void AioRings::look(pid_t pid, const std::vector<Vma>& vmas) {
  pid_ = pid;
  for (const Vma& v : vmas) {
    if (!v.is_aio_ring()) continue;
    addresses_.push_back(v.start);
    sizes_.push_back(v.size());
    if (v.offset != 0 || read(addresses_.size() - 1).size() != v.size())
      fail("task {}, mapping {:x}-{:x} ({}): a part of an AIO ring, or a damaged one", pid, v.start,
           v.end, v.name);
  }
  if (addresses_.empty()) return;
  // The task is stopped, but what it has asked of a disk goes on; the kernel does not tell how much
  // that is.
  constexpr uint64_t kStillUs = 20'000;
  tails_ = tails();
  for (Stopwatch still; still.microseconds() < kStillUs;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::vector<uint32_t> now = tails();
    if (now == tails_) continue;
    tails_ = std::move(now);
    still.restart();
  }
}

AioHeader AioRings::read(size_t ring) const {
  AioHeader header{};
  compel::Memory(pid_).read(addresses_[ring], &header, sizeof header);
  return header;
}

std::vector<uint32_t> AioRings::tails() const {
  std::vector<uint32_t> all;
  for (size_t i = 0; i < addresses_.size(); i++) all.push_back(read(i).tail);
  return all;
}

void AioRings::check_still() const {
  if (!addresses_.empty() && tails() != tails_)
    fail_for_now(
        "task {}: asynchronous I/O (io_submit) that was under way has ended only now: try again",
        pid_);
}

void AioRings::check_own(size_t ring, int64_t error) const {
  if (error < 0)
    fail("task {}, mapping {:x}-{:x}: an AIO ring of another process is not supported yet", pid_,
         addresses_[ring], addresses_[ring] + sizes_[ring]);
}

void AioRings::add_to(MmEntry* e, image::Arena& arena) const {
  e->n_aios = addresses_.size();
  e->aios = arena.array<AioRingEntry*>(e->n_aios);
  for (size_t i = 0; i < e->n_aios; i++) {
    auto* ring = e->aios[i] = arena.make<AioRingEntry>();
    ring->id = addresses_[i];
    ring->nr_req = requests_for(sizes_[i]);
    ring->ring_len = static_cast<uint32_t>(sizes_[i]);
  }
}

void check_aio_rings(const MmEntry& mm, pid_t pid) {
  size_t rings = 0;
  for (const VmaEntry* v : std::span(mm.vmas, mm.n_vmas)) {
    if ((v->status & kAreaAioRing) == 0) continue;
    rings++;
    const AioRingEntry* e = entry_of(mm, *v);
    if (e == nullptr || e->ring_len != v->end - v->start || e->nr_req == 0)
      fail("mm-{}.img: no AIO ring is as large as the mapping at {:#x}", pid, v->start);
  }
  if (rings != mm.n_aios)
    fail("mm-{}.img: {} AIO rings, and {} mappings of them", pid, mm.n_aios, rings);
}

uint64_t make_aio_ring(const MmEntry& mm, const VmaEntry& v, const PagesImage& pages,
                       int pages_fd) {
  const std::vector<uint8_t> stored = read_ring(v, pages, pages_fd);
  AioHeader wanted{};
  std::copy_n(stored.begin(), sizeof wanted, reinterpret_cast<uint8_t*>(&wanted));
  if (wanted.size() != stored.size()) fail("the AIO ring at {:#x} is damaged", v.start);

  NewRing ring(entry_of(mm, v)->nr_req);
  if (ring.header().nr != wanted.nr)
    fail("the AIO ring at {:#x} has room for {} events, and would have room for {} here", v.start,
         wanted.nr, ring.header().nr);
  ring.turn_to(wanted.head % wanted.nr, wanted.tail, pages_fd);
  const uint64_t at = ring.move_to_hole(mm);
  std::copy(stored.begin() + sizeof wanted, stored.end(),
            reinterpret_cast<uint8_t*>(at) + sizeof wanted);
  ring.header().head = wanted.head;
  log::debug("Made the AIO ring at {:#x}, {} events of {} wait", v.start,
             (wanted.tail + wanted.nr - wanted.head % wanted.nr) % wanted.nr, wanted.nr);
  return at;
}

}  // namespace criu::mm
