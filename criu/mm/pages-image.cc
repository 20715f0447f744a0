// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/pages-image.h"

#include <sys/stat.h>

#include <algorithm>

#include "criu/base/error.h"

namespace criu::mm {

namespace {

constexpr uint32_t kPagePresent = 0x4;  // pagemap_entry.flags

}  // namespace

PagesImage::PagesImage(const image::Directory& dir, image::Kind pagemap_kind, uint64_t id) {
  image::Arena arena;
  image::Reader img(dir, pagemap_kind, id);
  const auto* head = img.must_next<PagemapHead>(arena);
  pages_id_ = head->pages_id;
  if (head->shmem != nullptr) {
    has_object_ = true;
    object_.size = head->shmem->size, object_.mode = head->shmem->mode;
    object_.uid = head->shmem->uid, object_.gid = head->shmem->gid;
  }
  uint64_t total = 0, last_end = 0;
  while (const auto* e = img.next<PagemapEntry>(arena)) {
    const uint64_t n = e->has_nr_pages ? e->nr_pages : e->compat_nr_pages;
    const bool present =
        e->has_flags ? (e->flags & kPagePresent) != 0 : !(e->has_in_parent && e->in_parent);
    if (!present) fail("{}: pages of a parent image are not supported yet", img.name());
    if (e->vaddr % kPage != 0 || e->vaddr < last_end || e->vaddr > kTaskSize || n == 0 ||
        n > (kTaskSize - e->vaddr) / kPage)
      fail("{}: the run of {} pages at {:#x} is impossible", img.name(), n, e->vaddr);
    append_run(runs_, e->vaddr, n);
    last_end = e->vaddr + n * kPage;
    total += n;
  }
  uint64_t offset = 0;
  for (const PageRun& run : runs_) {
    offsets_.push_back(offset);
    offset += run.bytes();
  }
  struct stat st {};
  if (fstat(open(dir).get(), &st) < 0) fail_errno("cannot examine pages-{}.img", pages_id_);
  if (static_cast<uint64_t>(st.st_size) < total * kPage)
    fail("pages-{}.img is truncated: {} pages are named, {} bytes are there", pages_id_, total,
         st.st_size);
}

std::vector<StoredPages> PagesImage::in(uint64_t start, uint64_t end) const {
  std::vector<StoredPages> found;
  auto run = std::ranges::upper_bound(runs_, start, {}, &PageRun::end);
  for (; run != runs_.end() && run->start < end; ++run) {
    const uint64_t from = std::max(start, run->start);
    const uint64_t offset = offsets_[static_cast<size_t>(run - runs_.begin())];
    found.push_back({from, std::min(end, run->end()), offset + (from - run->start)});
  }
  return found;
}

UniqueFd PagesImage::open(const image::Directory& dir) const {
  return dir.open(image::file_name(image::Kind::kPages, pages_id_));
}

}  // namespace criu::mm
