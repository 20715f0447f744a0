// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "criu/files/file-dump.h"
#include "criu/files/file-kind.h"
#include "criu/files/restored-remaps.h"
#include "criu/pie/restorer-args.h"

namespace criu::files {

// The open files of all tasks, on their way back. The coordinator opens what several tables share
// (the tasks inherit it), each task what is its own.
class FileRestore {
 public:
  // shmem_fd: as in RestoreContext.
  FileRestore(const Options& options, const image::Directory& dir, const ServiceFds& fds,
              std::function<int(uint64_t)> shmem_fd);

  // Coordinator: a table that will be restored, and a file that a task needs besides. Throws Error
  // for an id that files.img has not.
  void need_table(const std::vector<TableEntry>& table);
  void need_place(uint32_t file_id);
  // Coordinator: reads what is needed, and opens what is shared.
  void prepare();

  // Task: opens its own files and puts all descriptors in their places.
  void restore_table(const std::vector<TableEntry>& table);
  // Task: who gets the signals of its descriptors, to be set when all threads exist.
  const std::vector<pie::FileOwner>& owners() const { return owners_; }
  // Task: a descriptor (above the service base) of that file.
  UniqueFd open_place(uint32_t file_id);

  // Coordinator: the tasks are about to run. What this changes outside of them is undone with this
  // object, unless finish() is called.
  void before_release();
  // The restore has succeeded: temporary names go.
  void finish();

 private:
  struct Needed {
    unsigned tables = 0;
    std::unique_ptr<RestoredFile> file;
    UniqueFd shared;  // opened by the coordinator
  };

  Needed& needed(uint32_t file_id);
  void note_owner(uint32_t fd, const RestoredFile& file);

  image::Arena arena_;
  const ServiceFds& fds_;
  RestoredRemaps remaps_;
  std::map<uint32_t, const FileEntry*> entries_;
  std::map<uint32_t, Needed> needed_;
  std::vector<std::unique_ptr<FileKind>> kinds_;
  RestoreContext context_;
  std::vector<pie::FileOwner> owners_;
};

}  // namespace criu::files
