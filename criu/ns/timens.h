// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "criu/base/fd.h"
#include "criu/image/image-file.h"

// Clocks that count from the start of a machine go on for the tasks as if nothing had happened.
//
// On the machine and boot of the dump they go on by themselves: a restored task finds that it has
// been away, as after a SIGSTOP. On any other they would jump, back as well, and whoever waits for
// a moment of theirs (condition variables, absolute sleeps) would wait for hours. There the tasks
// come back in a time namespace whose clocks go on from where they stood at the dump.
namespace criu::ns {

// CLOCK_MONOTONIC and CLOCK_BOOTTIME, in nanoseconds: what they tell, or by how much a time
// namespace shifts them, time_namespaces(7).
struct Clocks {
  int64_t monotonic = 0, boottime = 0;
  bool operator==(const Clocks&) const = default;
};

// The dump's side.
class TimensDump {
 public:
  // Reads the clocks as the task has them: when the tree has just been stopped.
  explicit TimensDump(pid_t root);
  // ns_id: 0 where the tree lives in the time namespace of this process.
  void write(const image::Directory& dir, uint32_t ns_id) const;

 private:
  Clocks now_, offsets_;
};

// The offsets that restored tasks need. boot: what the image says of the machine's start, and this
// machine's; empty: not known.
struct TimensWish {
  Clocks at_dump, offsets_at_dump;
  std::string boot_at_dump;
};
Clocks wanted_offsets(const TimensWish& wish, const std::string& boot, const Clocks& machine_now);

// The restore's side.
//
//   TimensRestore timens(dir, ns_id);     // decides, or refuses; nothing has changed
//   {
//     const auto scope = timens.enter();  // children are made in the namespace that is needed
//     ...
//   }
class TimensRestore {
 public:
  // Throws Error where the clocks would go back and this kernel has no time namespaces. Without an
  // image, unless there must be one, the clocks are left as they are.
  TimensRestore(const image::Directory& dir, uint32_t ns_id, bool must_exist);

  class Scope {
   public:
    explicit Scope(const Clocks* offsets);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    UniqueFd before_;
  };
  // Only while this process has one thread: setns(2).
  Scope enter() const { return Scope(needed_ ? &wanted_ : nullptr); }
  // By how much CLOCK_MONOTONIC differs for children of that scope, in nanoseconds.
  int64_t shift() const { return needed_ ? wanted_.monotonic - own_.monotonic : 0; }

 private:
  bool needed_ = false;
  Clocks wanted_, own_;
};

}  // namespace criu::ns
