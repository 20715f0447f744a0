// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace criu {

namespace {

// Of several threads, the failure that goes first.
class FirstFailure {
 public:
  // In a catch block.
  void note(size_t rank) {
    const std::lock_guard lock(mutex_);
    if (failure_ && rank >= rank_) return;
    failure_ = std::current_exception();
    rank_ = rank;
  }
  // When all threads have ended.
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr failure_;  // both by mutex_
  size_t rank_ = 0;
};

}  // namespace

unsigned count_processors() {
  static const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  return processors;
}

void run_in_threads(unsigned threads, const std::function<void()>& work) {
  FirstFailure failure;
  std::atomic<size_t> failed{0};
  const auto guarded = [&] {
    try {
      work();
    } catch (...) {
      failure.note(failed++);
    }
  };
  {
    std::vector<std::jthread> others;
    try {
      for (unsigned i = 1; i < threads; i++) others.emplace_back(guarded);
    } catch (const std::system_error&) {
      // A limit is reached (pthread_create(3), EAGAIN): those that there are do the work.
    }
    guarded();
  }
  failure.rethrow();
}

void for_each_in_parallel(size_t n, size_t grain, const std::function<void(size_t)>& work) {
  FirstFailure failure;
  std::atomic<size_t> next{0};
  const size_t pieces = (n + grain - 1) / grain;
  run_in_threads(static_cast<unsigned>(std::clamp<size_t>(pieces, 1, count_processors())), [&] {
    for (size_t i = next.fetch_add(grain); i < n; i = next.fetch_add(grain)) {
      const size_t end = std::min(n, i + grain);
      try {
        for (; i < end; i++) work(i);
      } catch (...) {
        failure.note(i);
        next = n;
      }
    }
  });
  failure.rethrow();
}

}  // namespace criu
