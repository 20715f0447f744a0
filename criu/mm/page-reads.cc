// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/page-reads.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "criu/base/error.h"
#include "criu/base/parallel.h"
#include "criu/mm/page-dump.h"
#include "criu/pie/page-reading.h"

namespace criu::mm {

namespace {

constexpr uint64_t kBatchPages = 1024;

}  // namespace

void PageReads::add(uint64_t at, uint64_t bytes, uint64_t offset) {
  pages_ += bytes / kPage;
  while (bytes != 0) {
    if (room_ == 0 || offset != next_ || batches_.back().nr_iov == pie::kMaxIoVecs) {
      batches_.push_back({offset, parts_.size(), 0});
      room_ = kBatchPages * kPage;
    }
    const uint64_t part = std::min(bytes, room_);
    parts_.push_back({at, part});
    batches_.back().nr_iov++;
    at += part, offset += part, bytes -= part, room_ -= part;
    next_ = offset;
  }
}

void PageReads::add(const std::vector<StoredPages>& pages, uint64_t shift) {
  for (const StoredPages& p : pages) add(p.start + shift, p.bytes(), p.offset);
}

uint64_t PageReads::most_entries(uint64_t pages, uint64_t calls) {
  return calls + pages / kBatchPages;
}

uint64_t PageReads::buffer_bytes(uint64_t pages) {
  constexpr uint64_t kLeast = 32, kShare = 8, kMost = 32;
  return pages < kLeast ? 0 : std::min(pages / kShare, kMost) * kPage;
}

void PageReads::read(int fd, unsigned max_threads, const std::string& name) {
  const uint64_t bytes = buffer_bytes(pages_);
  std::atomic<size_t> next{0};
  run_in_threads(std::clamp(count_threads(pages_), 1U, max_threads), [&] {
    const auto buffer = bytes == 0 ? nullptr : std::make_unique_for_overwrite<uint8_t[]>(bytes);
    for (size_t i = next++; i < batches_.size(); i = next++)
      read_batch(fd, batches_[i], buffer.get(), bytes, name);
  });
}

void PageReads::read_batch(int fd, const pie::PageRead& batch, uint8_t* buffer,
                           uint64_t buffer_size, const std::string& name) {
  pie::PageReading reading(fd, batch.offset, &parts_[batch.first_iov], batch.nr_iov, buffer,
                           buffer_size);
  while (!reading.is_done()) {
    const long got = reading.go_on();
    if (got == -EINTR) continue;
    if (got == 0) fail("a pages image has become shorter");
    if (got > 0) continue;
    errno = static_cast<int>(-got);
    fail_errno("cannot read {}", name);
  }
}

}  // namespace criu::mm
