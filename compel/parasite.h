// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <pthread.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "compel/gadgets.h"
#include "compel/memory.h"
#include "compel/rseq.h"
#include "compel/signal-frame.h"
#include "compel/tracee.h"

namespace compel {

// A freestanding blob, linked by compel/pie/blob.lds: a flat image, entered at its first byte.
struct Blob {
  const uint8_t* image;
  size_t size;
};

// A blob at work inside a stopped task.
//
//   Parasite p(threads, ranges, memo, blob, sizeof(Args));
//   auto* args = static_cast<Args*>(p.data());
//   p.run();                       // every thread has run blob_main(args, its index)
//                                  // the destructor takes it all out again
//
// Several can be at work in as many tasks. Then each task takes the same step before the first of
// them takes the next one, which waits for what the last has begun:
//
//   Parasite p(...);  p.go_on();  p.data(), p.start();  p.ask_to_stop();  p.finish(), p.leave();
//   p.go_on();  // and the destructor
//
// No text of the task is changed and nothing is opened in it. One system call, mmap(2), is made by
// the leader through a `syscall` instruction that the task has anyway; the blob, its data and
// its stacks lie in that mapping, which this process maps too (/proc/pid/map_files, so
// CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN is needed).
//
// Should this process die at any instant, each thread goes on as it was: before a register is
// changed, a signal frame with the thread's own registers and mask is laid where the changed
// flow ends. A mapping may be left behind in a task of several threads, and nothing else: the next
// Parasite finds it by is_leftover() and takes it away by unmap().
class Parasite {
 public:
  // threads: all threads of the task, the leader first; since they were looked at they have not
  // run, nor has anything been set in them. ranges: its mappings, by address. memo: of the tasks
  // before this one.
  Parasite(std::span<const StoppedThread> threads, std::span<const Range> ranges, GadgetMemo& memo,
           const Blob& blob, size_t data_size);
  ~Parasite();
  Parasite(const Parasite&) = delete;
  Parasite& operator=(const Parasite&) = delete;

  // The data area, data_size bytes of zeros at first. Valid until leave(), or as long as the
  // object.
  void* data();
  // Where the mapping lies in the task, from data() on.
  uint64_t address() const { return area_; }
  // Runs blob_main in all threads at once and returns when all are through.
  void run();

  // The steps of run().
  void start();
  void ask_to_stop();
  void finish();
  // Begins to take all out. Nothing but go_on() may follow.
  void leave();
  // Lets the leader, which has come to the kernel's door, make the call that it was sent to make.
  void go_on();

  // The same, but leaves the threads inside, waiting. Nothing but forget() may follow: the
  // destructor would bring them home, but what blob_main has done in them is undone only where this
  // process dies (blob_left_alone).
  void enter();
  // The task has been killed: there is nothing to take back.
  void forget() noexcept;
  // Unmaps a range of the task, in which no thread may be. Throws Error.
  void unmap(const Range& range);

  // Whether a shared anonymous mapping of a task is one that a parasite was in.
  static bool is_leftover(const Memory& memory, uint64_t start, uint64_t end);

 private:
  struct Saved {
    Tracee* tracee;
    Registers regs;
    uint64_t sigmask;
    uint64_t busy_mask;  // while it is not home
    bool is_home;        // stopped where it was, with its own registers and mask
  };
  class Layout;

  uint64_t find_hole(std::span<const Range> ranges, uint64_t size) const;
  uint64_t find_frame_place(std::span<const Range> ranges, size_t size) const;
  void prepare_escape(std::span<const Range> ranges);
  void begin_call(long nr, std::span<const uint64_t> args, uint64_t ret_sp);
  int64_t finish_call();
  pthread_mutex_t* alive();
  void show_that_we_live();
  void begin_to_map(int prot);
  int64_t finish_mapping();
  int64_t map_in_two();
  void share_area();
  void begin_to_unmap();
  void unmap_area() noexcept;
  void wait_until_done();
  void start_thread(size_t i);
  void catch_parked(size_t i);
  void take_back(Saved& t);
  bool take_back_quietly(Saved& t) noexcept;

  std::vector<Saved> threads_;
  Memory memory_;
  Blob blob_;
  Gadgets gadgets_;
  std::unique_ptr<Layout> layout_;
  uint64_t area_ = 0;                       // address in the task
  uint8_t* local_ = nullptr;                // the same, here
  std::unique_ptr<BorrowedMemory> escape_;  // the leader's stack below its red zone
  uint64_t home_sp_ = 0;                    // `ret` from here brings the leader home
  uint64_t unmap_sp_ = 0;                   // `ret` from here does so after unmapping the area
  bool may_be_mapped_ = false;              // the area, in the task
  // Of the leader. Lost: a request failed, and how far the call has come is not known.
  enum class Call { kNone, kBegun, kEntered, kLost } call_ = Call::kNone;
};

}  // namespace compel
