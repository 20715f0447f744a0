// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "compel/seccomp.h"
#include "criu/image/image-file.h"

namespace criu {

// The filters of all threads of a tree, for seccomp.img. There each names the one that was set
// after it: what threads have in common at the end is stored once, so all of those that have the
// same.
class SeccompFilters {
 public:
  // A thread's, from the first that was set on, at least one: the number of that in the image.
  uint32_t add(const std::vector<compel::SeccompFilter>& chain);
  // No image where there are none.
  void write(const image::Directory& dir) const;

 private:
  struct Stored {
    std::optional<uint32_t> next;         // which was set after it; `prev` in the image
    const compel::SeccompFilter* filter;  // of the thread that was added first
  };
  std::vector<Stored> stored_;
};

// Throws Error for a filter that needs another process to answer it. tid: whose it is.
void check_seccomp_filters(pid_t tid, const std::vector<compel::SeccompFilter>& chain);

// The filters of one thread in the image, from the first on.
using SeccompChain = std::vector<const SeccompFilter*>;

// seccomp.img, checked: each filter can be one, and none follows itself.
class SeccompImage {
 public:
  SeccompImage(const image::Directory& dir, image::Arena& arena);
  // first: as it stands in the core of thread tid.
  SeccompChain chain(uint32_t first, pid_t tid) const;

 private:
  const SeccompEntry* entry_;
};

}  // namespace criu
