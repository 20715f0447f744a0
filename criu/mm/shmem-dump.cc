// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/shmem-dump.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "criu/base/error.h"
#include "criu/base/parallel.h"
#include "criu/files/huge-pages.h"

namespace criu::mm {

namespace {

// What tmpfs has of the object, in memory or swapped out: lseek(2) SEEK_DATA.
std::vector<PageRun> data_runs(int fd, uint64_t size, uint64_t shmid) {
  std::vector<PageRun> runs;
  for (off_t at = 0; static_cast<uint64_t>(at) < size;) {
    const off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno != ENXIO) fail_errno("cannot find the data of shared memory {}", shmid);
    if (data < 0) break;
    const off_t hole = lseek(fd, data, SEEK_HOLE);
    if (hole <= data) fail_errno("cannot find the data of shared memory {}", shmid);
    // The size may lie within a page.
    const auto bytes = static_cast<uint64_t>(hole - data);
    append_run(runs, static_cast<uint64_t>(data), (bytes + kPage - 1) / kPage);
    at = hole;
  }
  return runs;
}

// hugetlbfs does not tell what there is: where it has no page, it reads as zeros. Of an object that
// has all its pages nothing is looked at.
std::vector<PageRun> huge_runs(int fd, const struct stat& st, uint64_t shmid) {
  constexpr uint64_t kBlock = 512;  // stat(2)
  const auto size = static_cast<uint64_t>(st.st_size);
  std::vector<PageRun> runs;
  if (static_cast<uint64_t>(st.st_blocks) * kBlock == size) {
    append_run(runs, 0, size / kPage);
    return runs;
  }
  std::vector<uint8_t> page(static_cast<size_t>(st.st_blksize));
  for (uint64_t at = 0; at < size; at += page.size()) {
    if (pread(fd, page.data(), page.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(page.size()))
      fail_errno("cannot read shared memory {}, of huge pages", shmid);
    const bool is_empty = page[0] == 0 && std::equal(page.begin() + 1, page.end(), page.begin());
    if (!is_empty) append_run(runs, at, page.size() / kPage);
  }
  return runs;
}

// The page that an object ends in: whoever has it mapped sees what is behind the end.
void read_last_page(int fd, uint64_t at, uint8_t* to, uint64_t shmid) {
  void* page = mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(at));
  if (page == MAP_FAILED) fail_errno("cannot map the last page of shared memory {}", shmid);
  std::memcpy(to, page, kPage);
  munmap(page, kPage);
}

// Reads pages of the object by their offset.
PageSource object_pages(std::shared_ptr<UniqueFd> fd, uint64_t size, uint64_t shmid) {
  return [fd = std::move(fd), size, shmid](std::span<const PageRun> batch, uint8_t* to) {
    for (const PageRun& run : batch) {
      const uint64_t whole = size / kPage * kPage;
      const uint64_t bytes = std::min(run.bytes(), whole - run.start);
      const ssize_t n = pread(fd->get(), to, bytes, static_cast<off_t>(run.start));
      if (n != static_cast<ssize_t>(bytes))
        fail_errno("cannot read {} pages of shared memory {}", run.pages, shmid);
      if (bytes != run.bytes()) read_last_page(fd->get(), whole, to + bytes, shmid);
      to += run.bytes();
    }
  };
}

}  // namespace

uint64_t write_shmem(const files::ShmemObjects& objects, const image::Directory& dir,
                     PagesIds& ids) {
  uint64_t bytes = 0;
  for (const auto& [shmid, object] : objects.all()) {
    auto fd = std::make_shared<UniqueFd>(open_path(object.path, O_RDONLY));
    const auto size = static_cast<uint64_t>(object.st.st_size);
    ShmemEntry entry = SHMEM_ENTRY__INIT;
    entry.size = size;
    entry.uid = object.st.st_uid, entry.gid = object.st.st_gid;
    entry.mode = object.st.st_mode;
    const uint32_t huge = files::own_hugetlbfs(object.st.st_dev);
    if (huge != 0) CRIU_SET_OPTIONAL(&entry, hugetlb_flag, huge);
    const std::vector<PageRun> runs =
        huge != 0 ? huge_runs(fd->get(), object.st, shmid) : data_runs(fd->get(), size, shmid);
    bytes += write_pages(dir, image::Kind::kShmemPagemap, shmid, ids.next(), runs,
                         object_pages(std::move(fd), size, shmid), count_processors(), &entry);
  }
  return bytes;
}

void write_segments(const files::ShmemObjects& objects, const image::Directory& dir,
                    uint32_t ipc_ns) {
  if (objects.segments().empty()) return;
  image::Arena arena;
  image::Writer img(dir, image::Kind::kIpcShm, ipc_ns);
  for (const auto& [id, segment] : objects.segments()) {
    auto* e = arena.make<IpcShmEntry>();
    e->desc = arena.make<IpcDescEntry>();
    e->desc->key = static_cast<uint32_t>(segment.key);
    e->desc->uid = segment.uid, e->desc->gid = segment.gid;
    e->desc->cuid = segment.cuid, e->desc->cgid = segment.cgid;
    e->desc->mode = segment.mode;
    e->desc->id = static_cast<uint32_t>(id);
    e->size = segment.size;
    CRIU_SET_OPTIONAL(e, in_pagemaps, 1);
    if (segment.huge != 0) CRIU_SET_OPTIONAL(e, hugetlb_flag, segment.huge | SHM_HUGETLB);
    CRIU_SET_OPTIONAL(e, ctime, segment.ctime);
    CRIU_SET_OPTIONAL(e, cpid, segment.cpid);
    img.write(e);
  }
  img.close();
}

}  // namespace criu::mm
