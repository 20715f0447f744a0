// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/farewell.h"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace criu {
namespace {

// Mutexes of this very process, in "mappings" that are what the test says.
class RobustList : public testing::Test {
 protected:
  struct Mutex {
    uint32_t word = 0;
    robust_list entry{};
  };

  RobustList() {
    head_.futex_offset =
        static_cast<long>(offsetof(Mutex, word)) - static_cast<long>(offsetof(Mutex, entry));
    head_.list.next = &head_.list;
    vmas_ = {vma(&unshared_, sizeof unshared_, false), vma(&shared_, sizeof shared_, true)};
    std::ranges::sort(vmas_, {}, &mm::Vma::start);
  }
  static mm::Vma vma(const void* at, size_t size, bool shared) {
    mm::Vma v;
    v.start = reinterpret_cast<uint64_t>(at), v.end = v.start + size, v.shared = shared;
    return v;
  }
  // One behind the other, the last leading back to the head.
  void chain(std::initializer_list<Mutex*> mutexes) {
    robust_list* at = &head_.list;
    for (Mutex* m : mutexes) at = at->next = &m->entry;
    at->next = &head_.list;
  }
  bool holds() { return holds_shared_mutex(memory_, reinterpret_cast<uint64_t>(&head_), vmas_); }

  compel::Memory memory_{getpid()};
  robust_list_head head_{};
  Mutex unshared_[3], shared_[3];
  std::vector<mm::Vma> vmas_;
};

TEST_F(RobustList, ThatIsEmptyHoldsNothing) {
  EXPECT_FALSE(holds());
  EXPECT_FALSE(holds_shared_mutex(memory_, 0, vmas_));
}

TEST_F(RobustList, OfPrivateMutexesHoldsNothing) {
  chain({&unshared_[0], &unshared_[2]});
  EXPECT_FALSE(holds());
}

TEST_F(RobustList, IsFollowedToTheSharedMutex) {
  chain({&unshared_[0], &unshared_[2], &shared_[1]});
  EXPECT_TRUE(holds());
}

TEST_F(RobustList, HasAMutexThatInheritsPriority) {
  chain({&shared_[1]});
  head_.list.next = reinterpret_cast<robust_list*>(reinterpret_cast<uint64_t>(head_.list.next) | 1);
  EXPECT_TRUE(holds());
}

TEST_F(RobustList, HasAMutexThatIsJustBeingTaken) {
  head_.list_op_pending = &shared_[0].entry;
  EXPECT_TRUE(holds());
}

TEST_F(RobustList, OfNonsenseComesToAnEnd) {
  chain({&unshared_[0]});
  unshared_[0].entry.next = &unshared_[0].entry;
  EXPECT_FALSE(holds());
  unshared_[0].entry.next = reinterpret_cast<robust_list*>(8);
  EXPECT_FALSE(holds());
  EXPECT_FALSE(holds_shared_mutex(memory_, 8, vmas_));
}

}  // namespace
}  // namespace criu
