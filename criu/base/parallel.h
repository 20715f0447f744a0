// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>
#include <functional>

namespace criu {

// As many threads as there are processors for this process; at least 1.
unsigned count_processors();

// Runs work in `threads` threads, this one among them, or in as many as can be had, and returns
// when all have returned. Throws what the first of them threw.
void run_in_threads(unsigned threads, const std::function<void()>& work);

// Calls work(i) for each i below n, in as many threads as there are processors, each `grain` of
// them at a time; nothing is in order. The calls see all that the caller has written, and the
// caller all that they have. What one throws is thrown when all that are under way are through, and
// none is begun any more; of several it is that of the lowest i. Not for what only the tracer may
// do.
void for_each_in_parallel(size_t n, size_t grain, const std::function<void(size_t)>& work);

}  // namespace criu
