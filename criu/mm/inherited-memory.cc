// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/inherited-memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <ranges>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/mm/page-reads.h"
#include "criu/mm/vdso.h"

namespace criu::mm {

namespace {

using Region = InheritedMemory::Region;

constexpr uint64_t kHugePageAdvice = 1ULL << MADV_HUGEPAGE | 1ULL << MADV_NOHUGEPAGE;
// Compared at once: few, as each task touches a buffer of its own, and they stay in the nearest
// cache.
constexpr uint64_t kBatchPages = 8;
// From this many pages on it is looked whether any are alike: to fill memory before the others are
// made, and to compare it, is slower than to fill all at the same time.
constexpr uint64_t kManyPages = 1024;
constexpr uint64_t kSamples = 64;

std::span<VmaEntry* const> vmas_of(const InheritedMemory::Task& task) {
  return {task.mm->vmas, task.mm->n_vmas};
}

// Sorts, joins those of one kind that touch, and cuts back what one wants for others where another
// one lies.
std::vector<Region> join(std::vector<Region> regions) {
  std::ranges::sort(regions, {}, &Region::own_start);
  std::vector<Region> joined;
  for (Region& r : regions) {
    if (!joined.empty()) {
      Region& last = joined.back();
      if (last.backing == r.backing && r.start <= last.end) {
        last.end = std::max(last.end, r.end);
        last.own_end = std::max(last.own_end, r.own_end);
        continue;
      }
      last.end = std::min(last.end, r.own_start);
      r.start = std::max(r.start, last.end);
    }
    joined.push_back(r);
  }
  return joined;
}

// What two ascending lists of ranges have in common, and what is in one of them alone.
struct Overlay {
  std::vector<StoredPages> both, first_only;
  std::vector<Interval> second_only;
};

Overlay overlay(const std::vector<StoredPages>& first, const std::vector<Interval>& second) {
  Overlay o;
  size_t i = 0, k = 0;
  uint64_t at = 0;
  const auto part = [&](uint64_t end) {
    return StoredPages{at, end, first[i].offset + (at - first[i].start)};
  };
  while (i < first.size() || k < second.size()) {
    const bool has_first = i < first.size(), has_second = k < second.size();
    at = std::max(at, std::min(has_first ? first[i].start : UINT64_MAX,
                               has_second ? second[k].start : UINT64_MAX));
    const bool in_first = has_first && first[i].start <= at;
    const bool in_second = has_second && second[k].start <= at;
    uint64_t end = UINT64_MAX;
    if (has_first) end = std::min(end, in_first ? first[i].end : first[i].start);
    if (has_second) end = std::min(end, in_second ? second[k].end : second[k].start);
    if (in_first && in_second)
      o.both.push_back(part(end));
    else if (in_first)
      o.first_only.push_back(part(end));
    else
      o.second_only.push_back({at, end});
    at = end;
    if (in_first && end == first[i].end) i++;
    if (in_second && end == second[k].end) k++;
  }
  return o;
}

std::vector<Interval> clip(const std::vector<Interval>& all, uint64_t start, uint64_t end) {
  std::vector<Interval> in;
  auto i = std::ranges::upper_bound(all, start, {}, &Interval::end);
  for (; i != all.end() && i->start < end; ++i)
    in.push_back({std::max(i->start, start), std::min(i->end, end)});
  return in;
}

std::vector<Interval> without_offsets(const std::vector<StoredPages>& pages) {
  std::vector<Interval> at;
  for (const StoredPages& p : pages) at.push_back({p.start, p.end});
  return at;
}

// The pages image of a task, and how far from its home the memory lies that it is read into.
class PageReader {
 public:
  PageReader(UniqueFd fd, InheritedMemory::Counts& counts) : fd_(std::move(fd)), counts_(counts) {}

  // Reads pages into their places.
  void read(const std::vector<StoredPages>& pages, uint64_t shift) {
    PageReads reads;
    reads.add(pages, shift);
    counts_.read += reads.pages();
    reads.read(fd_.get(), 1, "page data");
  }

  // Writes those that are not as they should be; to be read alone leaves a page in common.
  void compare(const std::vector<StoredPages>& pages, uint64_t shift) {
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kBatchPages * kPage);
    for (const StoredPages& p : pages) {
      for (uint64_t done = 0; done < p.bytes();) {
        const uint64_t n = std::min(p.bytes() - done, kBatchPages * kPage);
        if (pread(fd_.get(), buffer_.get(), n, static_cast<off_t>(p.offset + done)) !=
            static_cast<ssize_t>(n))
          fail_errno("cannot read page data");
        compare_batch(reinterpret_cast<uint8_t*>(p.start + shift + done), n);
        done += n;
      }
    }
  }

 private:
  void compare_batch(uint8_t* there, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes; i += kPage) {
      counts_.compared++;
      if (memcmp(there + i, buffer_.get() + i, kPage) == 0) {
        counts_.skipped++;
      } else {
        memcpy(there + i, buffer_.get() + i, kPage);
        counts_.read++;
      }
    }
  }

  UniqueFd fd_;
  InheritedMemory::Counts& counts_;
  std::unique_ptr<uint8_t[]> buffer_;
};

// Whether any of the pages that both have are alike; of many, a sample is looked at.
bool has_common(const InheritedMemory::Task& a, const InheritedMemory::Task& b, uint64_t start,
                uint64_t end, const image::Directory& dir) {
  const std::vector<StoredPages> of_b = b.pages->in(start, end);
  const Overlay o = overlay(a.pages->in(start, end), without_offsets(of_b));
  uint64_t pages = 0;
  for (const StoredPages& p : o.both) pages += p.bytes() / kPage;
  if (pages < kManyPages) return pages != 0;

  const UniqueFd file_a = a.pages->open(dir), file_b = b.pages->open(dir);
  const uint64_t step = pages / kSamples;
  uint64_t skip = 0;
  std::vector<uint8_t> page_a(kPage), page_b(kPage);
  for (const StoredPages& p : o.both) {
    uint64_t i = skip;
    for (; i < p.bytes() / kPage; i += step) {
      const uint64_t at = p.start + i * kPage;
      const StoredPages other = b.pages->in(at, at + kPage).front();
      if (pread(file_a.get(), page_a.data(), kPage, static_cast<off_t>(p.offset + i * kPage)) !=
              static_cast<ssize_t>(kPage) ||
          pread(file_b.get(), page_b.data(), kPage, static_cast<off_t>(other.offset)) !=
              static_cast<ssize_t>(kPage))
        fail_errno("cannot read page data");
      if (page_a == page_b) return true;
    }
    skip = i - p.bytes() / kPage;
  }
  return false;
}

}  // namespace

std::optional<Backing> backing_of(const VmaEntry& v) {
  if ((v.status & (kAnonPrivate | kFilePrivate)) == 0 || is_vdso_entry(v) ||
      (v.status & kAreaVsyscall) != 0 || (v.flags & (MAP_SHARED | MAP_HUGETLB)) != 0)
    return std::nullopt;
  Backing b;
  b.flags = v.flags & (MAP_GROWSDOWN | MAP_NORESERVE);
  b.advice = v.has_madv ? v.madv & kHugePageAdvice : 0;
  if ((v.status & kFilePrivate) != 0) {
    b.file = v.shmid + 1;
    b.origin = v.pgoff - v.start;
  }
  return b;
}

InheritedMemory::InheritedMemory(std::vector<Task> tasks, const image::Directory& dir)
    : tasks_(std::move(tasks)), for_heirs_(tasks_.size()) {
  // From the last heirs up: a task maps as much as those want that come after it.
  std::vector<size_t> order;
  if (!tasks_.empty()) order.push_back(0);
  for (size_t i = 0; i < order.size(); i++)
    order.insert(order.end(), tasks_[order[i]].heirs.begin(), tasks_[order[i]].heirs.end());
  for (const size_t index : std::views::reverse(order)) find_regions(index, dir);
}

// When those of its heirs are known.
void InheritedMemory::find_regions(size_t index, const image::Directory& dir) {
  const Task& task = tasks_[index];
  std::vector<Region> found;
  for (const size_t heir : task.heirs) {
    const Task& other = tasks_[heir];
    if (task.mm == nullptr || other.mm == nullptr) continue;
    std::vector<Region> wanted = for_heirs_[heir];
    for (const VmaEntry* w : vmas_of(other))
      if (const auto b = backing_of(*w)) wanted.push_back({w->start, w->end, w->start, w->end, *b});
    std::ranges::sort(wanted, {}, &Region::start);
    const auto own = vmas_of(task);
    size_t next = 0;
    for (const Region& w : wanted) {
      while (next < own.size() && own[next]->end <= w.start) next++;
      for (size_t i = next; i < own.size() && own[i]->start < w.end; i++) {
        const VmaEntry& v = *own[i];
        if (backing_of(v) != w.backing) continue;
        const uint64_t start = std::max(v.start, w.start), end = std::min(v.end, w.end);
        if (!has_common(task, other, start, end, dir)) continue;
        found.push_back(
            {std::min(v.start, w.start), std::max(v.end, w.end), v.start, v.end, w.backing});
      }
    }
  }
  for_heirs_[index] = join(std::move(found));
}

// Those of the task's mappings that lie in the region, which are all of one kind.
std::vector<StoredPages> InheritedMemory::own_pages(const Task& task, const Region& r) {
  std::vector<StoredPages> pages;
  const auto vmas = vmas_of(task);
  auto v = std::ranges::lower_bound(vmas, r.start, {}, [](const VmaEntry* e) { return e->start; });
  for (; v != vmas.end() && (*v)->end <= r.end; ++v) {
    if (backing_of(**v) != r.backing) continue;
    const std::vector<StoredPages> some = task.pages->in((*v)->start, (*v)->end);
    pages.insert(pages.end(), some.begin(), some.end());
  }
  return pages;
}

const InheritedMemory::Ready* InheritedMemory::ready_for(uint64_t start, uint64_t end,
                                                         const Backing& backing) const {
  const auto end_of = [](const Ready& ready) { return ready.region.end; };
  const auto at = std::ranges::upper_bound(ready_, start, {}, end_of);
  if (at == ready_.end() || at->region.start > start || at->region.end < end ||
      at->region.backing != backing)
    return nullptr;
  return &*at;
}

std::optional<uint64_t> InheritedMemory::place(const VmaEntry& v) const {
  if (ready_.empty()) return std::nullopt;
  const auto backing = backing_of(v);
  const Ready* ready = backing ? ready_for(v.start, v.end, *backing) : nullptr;
  if (ready == nullptr) return std::nullopt;
  return ready->place + (v.start - ready->region.start);
}

// At home if nothing of this process lies there, else where no task wants anything: it is moved
// home later. Memory that there is not enough of is no reason to fail: the task's own may be less.
std::optional<uint64_t> InheritedMemory::map(const Region& r, const OpenFile& open_file) const {
  const int flags =
      MAP_PRIVATE | static_cast<int>(r.backing.flags) | (r.backing.file == 0 ? MAP_ANONYMOUS : 0);
  UniqueFd fd;
  if (r.backing.file != 0) fd = open_file(static_cast<uint32_t>(r.backing.file - 1));
  const auto offset = static_cast<off_t>(fd ? r.backing.origin + r.start : 0);
  const auto map_at = [&](uint64_t at) {
    return mmap(reinterpret_cast<void*>(at), r.end - r.start, PROT_READ | PROT_WRITE,
                flags | MAP_FIXED_NOREPLACE, fd.get(), offset);
  };
  void* p = map_at(r.start);
  if (p == MAP_FAILED && errno == EEXIST) {
    std::vector<Interval> taken;
    for (const Task& t : tasks_)
      if (t.mm != nullptr) append_wanted(taken, *t.mm);
    for (const Vma& v : own_vmas()) taken.push_back({v.start, v.end});
    if (const auto hole = find_hole(std::move(taken), r.end - r.start)) p = map_at(*hole);
  }
  if (p == MAP_FAILED) {
    log::debug("Memory at {:#x} is not to be had in common: {}", r.start, strerror(errno));
    return std::nullopt;
  }
  for (const int advice : {MADV_HUGEPAGE, MADV_NOHUGEPAGE})
    if ((r.backing.advice >> advice & 1) != 0) madvise(p, r.end - r.start, advice);
  return reinterpret_cast<uint64_t>(p);
}

InheritedMemory::Counts InheritedMemory::settle(size_t index, const image::Directory& dir,
                                                const OpenFile& open_file) {
  Counts counts;
  const Task& task = tasks_[index];
  std::vector<Region> wanted = for_heirs_[index];
  for (const VmaEntry* v : vmas_of(task)) {
    const auto b = ready_.empty() ? std::nullopt : backing_of(*v);
    if (b && ready_for(v->start, v->end, *b) != nullptr &&
        !task.pages->in(v->start, v->end).empty())
      wanted.push_back({v->start, v->end, v->start, v->end, *b});
  }
  if (wanted.empty()) {
    ready_.clear();
    return counts;
  }
  PageReader reader(task.pages->open(dir), counts);
  std::vector<Ready> settled;
  for (const Region& r : join(std::move(wanted))) {
    const std::vector<StoredPages> pages = own_pages(task, r);
    std::vector<Interval> there;
    uint64_t place = 0;
    if (const Ready* from = ready_for(r.start, r.end, r.backing)) {
      place = from->place + (r.start - from->region.start);
      there = clip(from->filled, r.start, r.end);
    } else if (const auto fresh = map(r, open_file)) {
      place = *fresh;
    } else {
      continue;
    }
    const uint64_t shift = place - r.start;
    const Overlay o = overlay(pages, there);
    for (const Interval& i : o.second_only)
      if (madvise(reinterpret_cast<void*>(i.start + shift), i.end - i.start, MADV_DONTNEED) < 0)
        fail_errno("cannot give up inherited memory at {:#x}", i.start);
    reader.compare(o.both, shift);
    reader.read(o.first_only, shift);
    settled.push_back({r, place, without_offsets(pages)});
  }
  ready_ = std::move(settled);
  return counts;
}

}  // namespace criu::mm
