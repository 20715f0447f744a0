// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <functional>

#include "criu/base/fd.h"

namespace criu {

// A process that puts right what this one has changed, should this one be killed before it does so
// itself:
//
//   Successor successor([] { undo(); }, [] { complete(); });
//   change();
//   successor.order();   // complete() is run there; or
//                        // the destructor: nothing more is run
//
// What is undone and what is completed never meet: the successor does one of them, or neither. It
// has this process's descriptors and memory as they are when it is made, when this process must
// have no other thread. No signal that is meant for this one's terminal or group reaches it.
class Successor {
 public:
  // Neither may throw.
  Successor(const std::function<void()>& on_death, const std::function<void()>& on_order);
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  // Returns when it is done. Also if this process is killed on the way, it will be.
  void order();

 private:
  void say(char word);

  pid_t pid_ = -1;
  UniqueFd words_;  // the writing end that only this process has
};

}  // namespace criu
