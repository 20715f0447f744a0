// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/host-kernel/module-harness.h"

#include <malloc.h>

namespace {

// Pools come and go by the thousand: their memory is kept, as fresh one costs more than the tests.
constexpr int kKept = 256 << 20;
[[maybe_unused]] const bool g_memory_is_kept = mallopt(M_TRIM_THRESHOLD, kKept) &&
                                               mallopt(M_MMAP_THRESHOLD, 32 << 20) &&
                                               mallopt(M_TOP_PAD, 16 << 20);

}  // namespace

extern "C" {
int host_module_pins;
char host_said[256];
unsigned long host_drawn;
unsigned long host_failing;
unsigned long host_slept;
bool host_killed;

// Nothing is restored here, let alone lazily.
void rmfork_lazy_flush() {}

bool rmfork_lazy_possible() {
  return true;
}
}

std::function<void()> meanwhile;

void host_barrier() {
  if (meanwhile) std::exchange(meanwhile, nullptr)();
}

u64 read_page;
std::function<void()> before_read;

void host_reads(const page* p) {
  if (before_read && p == &(*backing_pages)[read_page]) std::exchange(before_read, nullptr)();
}

StoreLog* store_log;

void host_stored(const void* at, size_t len) {
  if (store_log) store_log->stored(static_cast<const char*>(at), len);
}
void host_flushed(const void* at, size_t len) {
  if (store_log) store_log->flushed(static_cast<const char*>(at), len);
}
void host_persisted() {
  if (store_log) store_log->persisted();
}

void host_warn_on(bool on) {
  EXPECT_FALSE(on);
}

u64 looked_at;

std::vector<page>* backing_pages;
std::vector<page>* kept_pages;

namespace {

int backing_create(ubmem* ub) {
  backing_pages =
      kept_pages ? std::exchange(kept_pages, nullptr) : new std::vector<page>(ub->nr_pages);
  for (page& p : *backing_pages) p.count = 1;
  return 0;
}

void backing_destroy(ubmem* ub) {
  if (ub->backing->kept)
    kept_pages = backing_pages;
  else
    delete backing_pages;
  backing_pages = nullptr;
}

page* backing_page(const ubmem*, u64 nr) {
  looked_at++;
  EXPECT_LT(nr, backing_pages->size());
  return &(*backing_pages)[nr];
}

bool backing_find(const ubmem*, const page* p, u64* nr) {
  *nr = static_cast<u64>(p - backing_pages->data());
  return *nr < backing_pages->size();
}

int other_create(ubmem*) {
  return 0;
}

void other_destroy(ubmem*) {}

}  // namespace

const ubmem_backing kBacking = {"vector",       false,           false,        false,
                                backing_create, backing_destroy, backing_page, backing_find};
const ubmem_backing kKeptBacking = {
    "vector", true, true, true, backing_create, backing_destroy, backing_page, backing_find};
const ubmem_backing kOtherBacking = {"vector",     true,          true,         true,
                                     other_create, other_destroy, backing_page, backing_find};
