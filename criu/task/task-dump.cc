// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/task-dump.h"

#include <fcntl.h>

namespace criu {

namespace {

// Within a second it does, on a quiet machine.
void check_has_left(const FrozenTask& task, const std::vector<compel::Range>& leftovers) {
  if (leftovers.empty()) return;
  for (const auto& thread : task.threads) {
    const uint64_t ip = thread->general().rip;
    for (const compel::Range& r : leftovers)
      if (r.start <= ip && ip < r.end)
        throw Transient(
            fmt::format("thread {} does not leave the parasite of a dump that was killed",
                        thread->tid()),
            std::chrono::seconds(4));
  }
}

}  // namespace

template <typename F>
void TaskDump::try_to(F step) {
  try {
    step();
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void TaskDump::must_have(Part part) const {
  if (looked_at_ < part) std::rethrow_exception(failure_);
}

void TaskDump::read_stopped() {
  try_to([this] { core_.read_stopped(); });
}

void TaskDump::look() {
  if (failure_) return;
  try_to([this] {
    core_.look();
    looked_at_ = Part::kCore;
    mm_.look();
    looked_at_ = Part::kMemory;
    if (!shares_table_) files_.look();
    looked_at_ = Part::kFiles;
    cwd_file_ = files::look_at_place(pid(), "cwd", O_RDONLY);
    root_file_ = files::look_at_place(pid(), "root", O_RDONLY);
    looked_at_ = Part::kAll;
  });
}

void TaskDump::add(files::FileDump& all_files) {
  must_have(Part::kMemory);
  mm_.add_files(all_files);
  must_have(Part::kFiles);
  table_ = all_files.add_table(files_);
  must_have(Part::kAll);
  cwd_ = all_files.add_place(cwd_file_);
  root_ = all_files.add_place(root_file_);
  check_has_left(task_, mm_.leftovers());
}

TaskAnswer& TaskDump::begin_to_ask(compel::GadgetMemo& memo) {
  core_.suspend_seccomp();
  std::vector<int> fds;
  for (const files::TableEntry& entry : table_) fds.push_back(static_cast<int>(entry.fd));
  const std::vector<uint64_t> pending = core_.pending();
  return answer_.emplace(task_, core_.stopped(), mm_.ranges(), mm_.leftovers(), memo,
                         TaskAnswer::Question{core_.timers(), mm_.aio_rings().addresses(), fds,
                                              core_.locked_kib(), pending, core_.shared_pending()});
}

void TaskDump::take_answer() {
  for (size_t i = 0; i < table_.size(); i++) {
    if (answer_->fd_flags(i) < 0)
      fail("task {} has no descriptor {} any more", pid(), table_[i].fd);
    table_[i].flags = static_cast<uint32_t>(answer_->fd_flags(i));
  }
  for (size_t i = 0; i < mm_.aio_rings().addresses().size(); i++)
    mm_.aio_rings().check_own(i, answer_->ring_error(i));
  core_.check(*answer_);
}

void TaskDump::write(const image::Directory& dir, const KernelObjectIds& ids) const {
  write_mm(dir);
  image::write_single(dir, image::Kind::kIds, static_cast<uint64_t>(pid()), ids.of(pid()));
  write_fs(dir);
  if (!shares_table_) write_table(dir, ids.of(pid())->files_id);
}

void TaskDump::write_mm(const image::Directory& dir) const {
  image::Arena arena;
  const pie::ParasiteArgs& told = answer_->task();
  MmEntry* e = mm_.entry(arena, task_.stat);
  e->mm_brk = static_cast<uint64_t>(told.brk);
  CRIU_SET_OPTIONAL(e, dumpable, static_cast<int32_t>(told.dumpable));
  const int64_t thp = told.thp_disabled;  // bit 0: disabled; the others: flags
  CRIU_SET_OPTIONAL(e, thp_disabled, thp > 0 && (thp & 1) != 0);
  if (thp > 1) CRIU_SET_OPTIONAL(e, thp_disable_flags, static_cast<uint32_t>(thp & ~1));
  if (told.memory_merge == 1) CRIU_SET_OPTIONAL(e, memory_merge, 1);
  if (told.mdwe > 0) CRIU_SET_OPTIONAL(e, mdwe, static_cast<uint32_t>(told.mdwe));
  for (VmaEntry* v : std::span(e->vmas, e->n_vmas))
    mm::put_policy(arena, answer_->mapping_policy(v->start), v);
  if (answer_->mlock_future() != 0)
    CRIU_SET_OPTIONAL(e, mlock_future, static_cast<uint32_t>(answer_->mlock_future()));
  image::write_single(dir, image::Kind::kMm, static_cast<uint64_t>(pid()), e);
}

void TaskDump::write_fs(const image::Directory& dir) const {
  FsEntry e = FS_ENTRY__INIT;
  e.cwd_id = cwd_;
  e.root_id = root_;
  CRIU_SET_OPTIONAL(&e, umask, core_.umask());
  image::write_single(dir, image::Kind::kFs, static_cast<uint64_t>(pid()), &e);
}

void TaskDump::write_table(const image::Directory& dir, uint32_t files_id) const {
  image::Writer img(dir, image::Kind::kFdinfo, files_id);
  FdinfoEntry e = FDINFO_ENTRY__INIT;
  for (const files::TableEntry& entry : table_) {
    e.id = entry.file_id, e.flags = entry.flags, e.type = entry.type, e.fd = entry.fd;
    img.write(&e);
  }
  img.close();
}

}  // namespace criu
