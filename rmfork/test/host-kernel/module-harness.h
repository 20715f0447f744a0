// SPDX-License-Identifier: GPL-2.0-only
//
// What the tests of the kernel module as a program stand on: a pool in a vector of pages, which
// may outlive the one who has it.
#ifndef RMFORK_TEST_HOST_KERNEL_MODULE_HARNESS_H
#define RMFORK_TEST_HOST_KERNEL_MODULE_HARNESS_H

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

extern "C" {
#include "rmfork/kernel/mm/origin.h"
#include "rmfork/kernel/report.h"
#include "rmfork/kernel/share/guest.h"
#include "rmfork/kernel/share/open.h"
#include "rmfork/kernel/share/pins.h"
#include "rmfork/kernel/share/sharing.h"
#include "rmfork/kernel/share/walk.h"
#include "rmfork/kernel/snapshot/header.h"
#include "rmfork/kernel/snapshot/snapshot.h"
#include "rmfork/kernel/snapshot/sums.h"
#include "rmfork/kernel/ubmem/alloc.h"
#include "rmfork/kernel/ubmem/layout.h"
#include "rmfork/kernel/ubmem/origins.h"
#include "rmfork/kernel/ubmem/reclaim.h"
#include "rmfork/kernel/ubmem/super.h"
#include "rmfork/kernel/ubmem/ubmem.h"
#include "rmfork/kernel/ubmem/use.h"
#include "rmfork/kernel/verify.h"

extern int host_module_pins;
extern char host_said[256];
extern unsigned long host_failing;
extern unsigned long host_slept;
extern bool host_killed;
}

// What another machine does at the next full barrier, once.
extern std::function<void()> meanwhile;
// And before somebody copies bytes from the page of number `read_page`, once.
extern u64 read_page;
extern std::function<void()> before_read;

// Told what is written, flushed from the caches, and waited for; null: nobody is.
class StoreLog {
 public:
  virtual ~StoreLog() = default;
  virtual void stored(const char* at, std::size_t len) = 0;
  virtual void flushed(const char* at, std::size_t len) = 0;
  virtual void persisted() = 0;
};
extern StoreLog* store_log;

// How often a page of the pool was asked for.
extern u64 looked_at;

extern std::vector<page>* backing_pages;  // of the pool that is there
extern std::vector<page>* kept_pages;     // what a backing that keeps its contents has

// Ordinary memory; memory that is kept; and the same seen by a machine beside the one that has it.
extern const ubmem_backing kBacking, kKeptBacking, kOtherBacking;

// The checksum a superblock should have.
inline u32 super_crc(const rmfork_super& super) {
  const u32 crc = rmfork_crc(0, &super, offsetof(rmfork_super, user));
  return rmfork_crc(crc, &super.guests_off,
                    offsetof(rmfork_super, checksum) - offsetof(rmfork_super, guests_off));
}

// A pool in memory that other machines have as well.
struct Kept : testing::Test {
  static constexpr u64 kPages = 2048;
  std::unique_ptr<ubmem> pool;

  void SetUp() override {
    host_module_pins = 0;
    ubmem_sums = true;
    ASSERT_EQ(load(), 0);
  }
  void TearDown() override {
    unload();
    delete std::exchange(kept_pages, nullptr);
    EXPECT_EQ(host_module_pins, 0);
  }

  int load(bool format = false, bool take = false) {
    host_said[0] = 0;
    pool = std::make_unique<ubmem>();
    pool->backing = &kKeptBacking;
    pool->nr_pages = kPages;
    const int ret =
        rmfork_open(pool.get(), (format ? UBMEM_FORMAT : 0u) | (take ? UBMEM_TAKE : 0u));
    if (ret) pool.reset();
    return ret;
  }
  void unload() {
    if (pool) rmfork_close(pool.get());
    pool.reset();
  }

  // A session as SESSION opens one, without its descriptor.
  void open(rmfork_session& session) {
    session = {};
    session.ub = pool.get();
    INIT_LIST_HEAD(&session.snapshots);
  }

  // A snapshot of `n` pages, every other one after a hole; the first of them are `shared`'s.
  u64 save(u64 n, rmfork_session* owner = nullptr, rmfork_snapshot* shared = nullptr) {
    rmfork_snapshot* s = rmfork_snapshot_begin(pool.get(), 1);
    u64 nr, got, vaddr = 0x10000;
    for (u64 i = 0; i < n; i++, vaddr += (1 + i % 2) * PAGE_SIZE) {
      if (shared && i < shared->index.nr) {
        nr = shared->index.ranges[i].data_off >> PAGE_SHIFT;
        EXPECT_TRUE(ubmem_share_page(pool.get(), nr));
      } else {
        EXPECT_EQ(ubmem_alloc_run(pool.get(), UBMEM_DATA, 1, &nr, &got), 0);
      }
      EXPECT_EQ(rmfork_index_append(&s->index, vaddr, 1, nr << PAGE_SHIFT), 0);
    }
    EXPECT_EQ(rmfork_index_store(s), 0);
    EXPECT_EQ(ubmem_sums ? rmfork_sums_store(s) : 0, 0);
    rmfork_snapshot_publish(s, owner);
    return s->meta_off;
  }

  rmfork_snapshot* find(u64 off) {
    rmfork_snapshot* s = rmfork_snapshot_get(pool.get(), off);
    if (IS_ERR(s)) return nullptr;
    rmfork_snapshot_put(s);
    return s;
  }
  bool sound(u64 off) { return find(off) && rmfork_snapshot_check(find(off)) == 0; }

  std::vector<u32> uses() const { return {pool->use, pool->use + kPages}; }
};

#endif  // RMFORK_TEST_HOST_KERNEL_MODULE_HARNESS_H
