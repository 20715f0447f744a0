// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/dump.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "rmfork/entry.h"
#include "rmfork/error.h"
#include "rmfork/meta-file.h"
#include "rmfork/src/format.h"

namespace rmfork {
namespace {

// Whether the snapshot can be told from any other later on.
std::optional<EntryIdentity> identify(Kernel& kernel, const std::optional<rmfork_info>& info) {
  if (!info) return std::nullopt;
  const rmfork_query& pool = *kernel.pool();
  EntryIdentity id;
  std::copy(std::begin(pool.pool_uuid), std::end(pool.pool_uuid), id.pool_uuid.begin());
  id.generation = info->generation;
  id.nr_pages = info->nr_pages;
  id.nr_ranges = info->nr_ranges;
  id.index_checksum = info->index_checksum;
  id.abi_version = pool.abi_version;
  return id;
}

}  // namespace

DumpSession::DumpSession(Kernel& kernel, int images_dirfd, Orphans orphans)
    : kernel_(kernel), dirfd_(images_dirfd) {
  if (orphans == Orphans::kFreed && kernel_.has(RMFORK_FEAT_SESSION))
    owner_ = kernel_.open_session();
}

TaskSnapshot DumpSession::save_task(pid_t host_pid, pid_t vpid, std::span<const iovec> ranges,
                                    bool root) {
  // Room first: once the snapshot exists, remembering it must not fail.
  tasks_.reserve(tasks_.size() + 1);
  unrecorded_.reserve(unrecorded_.size() + 1);

  TaskSnapshot snapshot;
  snapshot.vpid = vpid;
  snapshot.meta_off = kernel_.dump(host_pid, ranges, owner_.get());
  Record record{{}, root};
  try {
    if (kernel_.has(RMFORK_FEAT_INFO)) snapshot.info = kernel_.identify(snapshot.meta_off);
    record.entry.meta_off = snapshot.meta_off;
    record.entry.vpid = vpid;
    record.entry.nr_iovs = ranges.size();
    record.entry.transport = kernel_.name();
    record.entry.identity = identify(kernel_, snapshot.info);
  } catch (...) {
    free_snapshot(snapshot);
    throw;
  }
  tasks_.push_back(snapshot);
  unrecorded_.push_back(std::move(record));
  log(LogLevel::kDebug,
      rmfork::format("rmfork: task {} is saved at {:#x}", vpid, snapshot.meta_off));
  return snapshot;
}

void DumpSession::record() {
  for (const Record& r : unrecorded_) {
    files_.reserve(files_.size() + 2);
    write_entry(dirfd_, r.entry);
    files_.push_back(entry_file_name(r.entry.vpid));
    if (!r.root) continue;
    write_meta_file(dirfd_, r.entry.meta_off);
    files_.push_back(kMetaFileName);
  }
  unrecorded_.clear();
}

TaskSnapshot DumpSession::dump_task(pid_t host_pid, pid_t vpid, std::span<const iovec> ranges,
                                    bool root) {
  const TaskSnapshot snapshot = save_task(host_pid, vpid, ranges, root);
  const std::size_t files_before = files_.size();
  try {
    record();
  } catch (...) {
    for (; files_.size() > files_before; files_.pop_back())
      unlinkat(dirfd_, files_.back().c_str(), 0);
    unrecorded_.clear();
    tasks_.pop_back();
    free_snapshot(snapshot);
    throw;
  }
  return snapshot;
}

void DumpSession::commit() {
  if (owner_) kernel_.commit_session(owner_.get());
  tasks_.clear();
  files_.clear();
}

void DumpSession::rollback() noexcept {
  for (const std::string& name : files_) unlinkat(dirfd_, name.c_str(), 0);
  files_.clear();
  unrecorded_.clear();
  for (const TaskSnapshot& task : tasks_) free_snapshot(task);
  tasks_.clear();
}

void DumpSession::free_snapshot(const TaskSnapshot& snapshot) noexcept {
  try {
    if (kernel_.has(RMFORK_FEAT_FREE))
      kernel_.free(snapshot.meta_off, snapshot.info ? snapshot.info->generation : 0);
    else
      log(LogLevel::kWarning,
          rmfork::format("rmfork: the snapshot at {:#x} stays in ubmem: {} cannot free it",
                         snapshot.meta_off, kernel_.name()));
  } catch (const std::exception& e) {
    try {
      log(LogLevel::kError, rmfork::format("rmfork: a snapshot stays in ubmem: {}", e.what()));
    } catch (...) {
      // No memory for the message: nothing more can be said.
    }
  }
}

std::uint64_t DumpSession::stored_bytes() const {
  std::uint64_t bytes = 0;
  for (const TaskSnapshot& task : tasks_)
    if (task.info) bytes += task.info->stored_bytes - task.info->shared_bytes;
  return bytes;
}

}  // namespace rmfork
