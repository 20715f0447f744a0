// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "criu/image/message.h"
#include "criu/mm/pages-image.h"
#include "criu/mm/vma.h"

// Asynchronous I/O (io_setup(2)). A context is a ring of events that the kernel writes into memory
// of the task's, whose address is how both call the context: aio_context_t. The kernel moves it
// along with the mapping (mremap(2)).
namespace criu::mm {

// What the ring begins with; the events, of 32 bytes each, follow. fs/aio.c, struct aio_ring.
struct AioHeader {
  static constexpr uint32_t kMagic = 0xa10a10a1;
  static constexpr uint64_t kEvent = 32;  // bytes

  uint32_t id;  // the kernel's, of the process
  uint32_t nr;  // events that there is room for
  uint32_t head, tail;
  uint32_t magic, compat_features, incompat_features, header_length;

  // Bytes, as whole pages; or 0 for what is no header.
  uint64_t size() const;
};

// How many requests to ask io_setup(2) for to get a ring of that many bytes; the least number that
// does. bytes: whole pages, at least one.
uint32_t requests_for(uint64_t bytes);

// The rings of a stopped task.
//
//   rings.look(pid, vmas);     // waits until what was under way is through
//   ... the pages are stored ...
//   rings.check_still();       // and nothing has come in since
class AioRings {
 public:
  // Throws Error naming the mapping that is no whole ring.
  void look(pid_t pid, const std::vector<Vma>& vmas);
  void check_still() const;

  const std::vector<uint64_t>& addresses() const { return addresses_; }
  // Throws Error for one that is another process's: a child has the memory, but not the context.
  // error: of io_getevents(2) in the task, or 0.
  void check_own(size_t ring, int64_t error) const;
  void add_to(MmEntry* e, image::Arena& arena) const;

 private:
  AioHeader read(size_t ring) const;
  std::vector<uint32_t> tails() const;

  pid_t pid_ = 0;
  std::vector<uint64_t> addresses_, sizes_;  // bytes
  std::vector<uint32_t> tails_;              // where the kernel writes next
};

// Checks the rings of a mm entry against its mappings. Throws Error.
void check_aio_rings(const MmEntry& mm, pid_t pid);

// In a task that is being restored: makes the context of a ring's mapping, with the events that
// waited in it, at the places where they were. Returns where it lies, which is where neither the
// task nor this process has anything; whoever moves it home moves the context. pages_fd: of the
// pages image. Throws Error.
uint64_t make_aio_ring(const MmEntry& mm, const VmaEntry& v, const PagesImage& pages, int pages_fd);

}  // namespace criu::mm
