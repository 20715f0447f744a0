// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/page-dump.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "criu/base/error.h"
#include "criu/base/parallel.h"

namespace criu::mm {

namespace {

// pagemap_entry.flags: the pages are in the pages image.
constexpr uint32_t kPagePresent = 0x4;
// What one thread moves at a time: it stays in the processor's cache between the read and the
// write. Of few pages less, as a page of a buffer that is new costs a fault.
constexpr uint64_t kBatchPages = 128, kLeastBatchPages = 8, kFewBatches = 4;
constexpr uint64_t kPagesPerThread = 1024;  // below this a thread costs more than it gains

struct Batch {
  std::vector<PageRun> runs;
  uint64_t offset = 0;  // in the pages image
  uint64_t bytes = 0;
};

std::vector<Batch> make_batches(std::span<const PageRun> runs) {
  uint64_t pages = 0;
  for (const PageRun& run : runs) pages += run.pages;
  const uint64_t batch_pages = std::clamp(pages / kFewBatches, kLeastBatchPages, kBatchPages);
  std::vector<Batch> batches;
  uint64_t offset = 0;
  Batch batch;
  const auto finish = [&] {
    if (batch.runs.empty()) return;
    offset += batch.bytes;
    batches.push_back(std::move(batch));
    batch = Batch{};
    batch.offset = offset;
  };
  for (PageRun run : runs) {
    while (run.pages != 0) {
      const uint64_t room = batch_pages - batch.bytes / kPage;
      const uint64_t n = std::min(room, run.pages);
      batch.runs.push_back({run.start, n});
      batch.bytes += n * kPage;
      run.start += n * kPage;
      run.pages -= n;
      if (batch.bytes == batch_pages * kPage) finish();
    }
  }
  finish();
  return batches;
}

void move_batch(const Batch& batch, const PageSource& source, int fd, uint8_t* buffer) {
  source(batch.runs, buffer);
  uint64_t done = 0;
  while (done < batch.bytes) {
    const ssize_t n =
        pwrite(fd, buffer + done, batch.bytes - done, static_cast<off_t>(batch.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno("cannot write page data");
    done += static_cast<uint64_t>(n);
  }
}

// Each thread has one, for all the images it writes: memory that is new costs a fault per page.
uint8_t* batch_buffer() {
  static thread_local const auto buffer =
      std::make_unique_for_overwrite<uint8_t[]>(kBatchPages * kPage);
  return buffer.get();
}

// Several threads take batches as they come. The first failure ends all.
void move_all(const std::vector<Batch>& batches, const PageSource& source, int fd,
              unsigned threads) {
  std::atomic<size_t> next{0};
  run_in_threads(threads, [&] {
    uint8_t* const buffer = batch_buffer();
    try {
      for (size_t i = next++; i < batches.size(); i = next++)
        move_batch(batches[i], source, fd, buffer);
    } catch (...) {
      next = batches.size();
      throw;
    }
  });
}

void write_pagemap(const image::Directory& dir, image::Kind kind, uint64_t id, uint32_t pages_id,
                   std::span<const PageRun> runs, ShmemEntry* shmem) {
  image::Arena arena;
  image::Writer img(dir, kind, id);
  auto* head = arena.make<PagemapHead>();
  head->pages_id = pages_id;
  head->shmem = shmem;
  img.write(head);
  auto* e = arena.make<PagemapEntry>();
  for (const PageRun& run : runs) {
    e->vaddr = run.start;
    e->compat_nr_pages = static_cast<uint32_t>(run.pages);
    CRIU_SET_OPTIONAL(e, nr_pages, run.pages);
    CRIU_SET_OPTIONAL(e, flags, kPagePresent);
    img.write(e);
  }
  img.close();
}

}  // namespace

uint64_t write_pages(const image::Directory& dir, image::Kind pagemap_kind, uint64_t id,
                     uint32_t pages_id, std::span<const PageRun> runs, const PageSource& source,
                     unsigned max_threads, ShmemEntry* shmem) {
  write_pagemap(dir, pagemap_kind, id, pages_id, runs, shmem);
  const std::string name = image::file_name(image::Kind::kPages, pages_id);
  UniqueFd fd = dir.create(name);
  const std::vector<Batch> batches = make_batches(runs);
  if (batches.empty()) return 0;
  const uint64_t bytes = batches.back().offset + batches.back().bytes;
  move_all(batches, source, fd.get(), std::clamp(count_threads(bytes / kPage), 1U, max_threads));
  fd.close(name);
  return bytes;
}

unsigned count_threads(uint64_t pages) {
  constexpr unsigned kMaxThreads = 4;
  return static_cast<unsigned>(
      std::min<uint64_t>(pages / kPagesPerThread, std::min(kMaxThreads, count_processors())));
}

}  // namespace criu::mm
