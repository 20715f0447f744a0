// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/tty-data.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/files/tty-modes.h"

namespace criu::files {

namespace {

// What the child finds, in memory that it shares with its maker.
struct Found {
  TtyQueues queues;
  int error;
};

class FoundOnes {
 public:
  explicit FoundOnes(size_t n) : size_(n * sizeof(Found)) {
    void* p = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) fail_errno("cannot map shared memory");
    all_ = static_cast<Found*>(p);  // zeroed, which is what an empty one is
  }
  ~FoundOnes() { munmap(all_, size_); }
  FoundOnes(const FoundOnes&) = delete;
  FoundOnes& operator=(const FoundOnes&) = delete;
  Found& operator[](size_t i) const { return all_[i]; }

 private:
  size_t size_;
  Found* all_;
};

// They ask for no signals while this lives. Whoever asks for them at a terminal and has no owner is
// given one: drivers/tty/tty_io.c, __tty_fasync().
class Silenced {
 public:
  explicit Silenced(const std::vector<int>& files) : files_(files) {
    for (const int fd : files_) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_ASYNC);
  }
  ~Silenced() {
    for (const int fd : files_) {
      f_owner_ex owner{};
      const bool has_none = fcntl(fd, F_GETOWN_EX, &owner) == 0 && owner.pid == 0;
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
      if (has_none) fcntl(fd, F_SETOWN, 0);
    }
  }
  Silenced(const Silenced&) = delete;
  Silenced& operator=(const Silenced&) = delete;

 private:
  const std::vector<int>& files_;
};

// What has been taken goes back whatever happens.
void look_into(const TtyData::Ends& ends, Found& found) {
  termios modes{};
  const SlaveForNow slave(ends.master, ends.slave_was_open);
  if (slave.get() < 0 || tcgetattr(slave.get(), &modes) < 0) {
    found.error = errno;
    return;
  }
  found.error = take_queues(ends.master, slave.get(), found.queues);
  const int error = put_queues(ends.master, slave.get(), modes, found.queues);
  if (found.error == 0) found.error = error;
}

}  // namespace

void TtyData::look(const std::vector<Ends>& all, const std::vector<int>& telling) {
  if (all.empty()) return;
  const FoundOnes found(all.size());
  run_in_child([&] {
    const Silenced silenced(telling);
    for (size_t i = 0; i < all.size(); i++) look_into(all[i], found[i]);
    return 0;
  });
  for (size_t i = 0; i < all.size(); i++) {
    const Ends& ends = all[i];
    const TtyQueues& queues = found[i].queues;
    if (found[i].error != 0)
      fail("{}: cannot look into the terminal's queues: {}", ends.who, strerror(found[i].error));
    if (queues.is_stopped) CRIU_SET_OPTIONAL(ends.slave_info, stopped, 1);
    if (!queues.to_slave.is_empty())
      queues_[ends.slave_info->id] = std::make_unique<TtyQueue>(queues.to_slave);
    if (!queues.to_master.is_empty())
      queues_[ends.master_info->id] = std::make_unique<TtyQueue>(queues.to_master);
  }
}

TtyDataEntry* TtyData::entry_of(DumpContext& context, uint32_t id, const TtyQueue& queue) {
  auto* e = context.arena.make<TtyDataEntry>();
  e->tty_id = id;
  e->data = context.arena.bytes(queue.data.data(), queue.size);
  if (queue.lines == 0 || queue.has_plain_lines()) return e;
  e->n_line_end = queue.lines;
  e->line_end = context.arena.copy<uint32_t>({queue.line_end.data(), queue.lines});
  return e;
}

void TtyData::write(DumpContext& context) const {
  if (queues_.empty()) return;
  image::Writer img(context.dir, image::Kind::kTtyData);
  for (const auto& [id, queue] : queues_) img.write(entry_of(context, id, *queue));
  img.close();
}

std::unique_ptr<TtyQueue> TtyData::queue_of(const TtyDataEntry& e) {
  auto queue = std::make_unique<TtyQueue>();
  if (e.data.len > TtyQueue::kMost || e.n_line_end > TtyQueue::kMost)
    fail("tty-data.img: terminal {} has {} bytes to read, more than fit", e.tty_id, e.data.len);
  std::copy_n(e.data.data, e.data.len, queue->data.begin());
  queue->size = static_cast<uint32_t>(e.data.len);
  for (size_t i = 0; i < e.n_line_end; i++) {
    if (e.line_end[i] > queue->size || (i > 0 && e.line_end[i] < e.line_end[i - 1]))
      fail("tty-data.img: a line of terminal {} ends at byte {}", e.tty_id, e.line_end[i]);
    queue->line_end[queue->lines++] = e.line_end[i];
  }
  return queue;
}

void TtyData::read(RestoreContext& context) {
  if (!context.dir.has(image::file_name(image::Kind::kTtyData))) return;
  image::Reader img(context.dir, image::Kind::kTtyData);
  while (const auto* e = img.next<TtyDataEntry>(context.arena)) queues_[e->tty_id] = queue_of(*e);
}

void TtyData::fill(const TtyInfoEntry* slave, const TtyInfoEntry& master, int own_master,
                   bool slave_was_open) const {
  auto queues = std::make_unique<TtyQueues>();
  const TtyInfoEntry& info = slave != nullptr ? *slave : master;
  const termios modes = info.termios != nullptr ? termios_of(*info.termios) : modes_of(own_master);
  if (const auto it = queues_.find(master.id); it != queues_.end()) {
    queues->to_master = *it->second;
    queues->to_master.lines = 0;
  }
  if (const auto it = queues_.find(master.id & ~1U); it != queues_.end()) {
    queues->to_slave = *it->second;
    if ((modes.c_lflag & ICANON) == 0)
      queues->to_slave.lines = 0;
    else if (queues->to_slave.lines == 0)
      queues->to_slave.set_plain_lines();
    queues->to_slave.find_behind(modes);
  }
  queues->is_stopped = info.stopped != 0;
  if (queues->to_master.is_empty() && queues->to_slave.is_empty() && !queues->is_stopped) return;
  const SlaveForNow now(own_master, slave_was_open);
  const int error = now.get() < 0 ? errno : put_queues(own_master, now.get(), modes, *queues);
  if (error != 0) fail("cannot fill the queues of terminal {}: {}", info.id / 2, strerror(error));
}

}  // namespace criu::files
