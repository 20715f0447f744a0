// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "criu/files/file-dump.h"
#include "criu/files/file-kind.h"
#include "criu/files/file-locks.h"
#include "criu/files/handover.h"
#include "criu/files/restored-remaps.h"
#include "criu/files/stored-messages.h"
#include "criu/pie/restorer-args.h"

namespace criu::files {

// The open files of all tasks, on their way back, in the passes that file-kind.h tells. The
// coordinator opens what several tables share (the tasks inherit it), each task what is its own.
//
// A table is known by its address: it stays where it is from need_table() to restore_table().
class FileRestore {
 public:
  FileRestore(const Options& options, const image::Directory& dir, const ServiceFds& fds,
              RestoreServices services);

  // Coordinator: a table that will be restored, and a file that a task needs besides. Throws Error
  // for an id that files.img has not.
  void need_table(const std::vector<TableEntry>& table);
  void need_place(uint32_t file_id);
  // Whether two of these are one directory, of which files.img may tell twice.
  bool are_same_place(uint32_t one, uint32_t other) const;
  // A socket that a task has mapped: what all tasks inherit a descriptor of.
  void need_mapped_socket(uint32_t file_id);
  int mapped_socket(uint32_t file_id) const;
  // Coordinator: reads what is needed; then makes and fills what is shared.
  void read();
  void prepare();
  // Coordinator: all tasks exist, and wait: fills what names them.
  void fill_late();

  // Leader of a session: its terminal, before it makes those who inherit it; and which group has
  // that, when all groups exist.
  void settle_session(pid_t leader);
  void settle_groups(pid_t leader);
  // Task: opens its own files, puts all descriptors in their places and links them.
  void restore_table(pid_t pid, const std::vector<TableEntry>& table);
  // Task: who gets the signals of its descriptors, to be set when all threads exist.
  const std::vector<pie::FileOwner>& owners() const { return owners_; }
  // Task: those of its descriptors that are to be opened then.
  const std::vector<pie::ThreadFile>& thread_files() const { return thread_files_; }
  // Task: the locks of the process, to be taken when none of its files is closed any more.
  std::vector<pie::FileLock> locks_of(pid_t pid) const { return locks_.of_process(pid); }
  // Task: a descriptor (above the service base) of that file.
  UniqueFd open_place(uint32_t file_id);

  // Coordinator: the tasks are about to run. What this changes outside of them is undone with this
  // object, unless finish() is called.
  void before_release();
  // The restore has succeeded: temporary names go.
  void finish();

 private:
  using Table = std::vector<TableEntry>;
  struct Needed {
    std::vector<const Table*> tables;  // that have it
    bool by_others = false;            // a file of another table names it
    std::unique_ptr<RestoredFile> file;
    UniqueFd shared;                   // opened by the coordinator
    std::optional<Handover> handover;  // of one that is opened late

    bool is_shared() const { return by_others || tables.size() > 1; }
    bool has(const Table* table) const {
      return std::find(tables.begin(), tables.end(), table) != tables.end();
    }
  };
  // What a task has opened for itself, by id: up high until it is put in its places, or in the
  // first of these at once.
  struct Own {
    std::map<uint32_t, UniqueFd> raised;
    std::map<uint32_t, int> placed;
  };

  Needed& needed(uint32_t file_id);
  void read_all();
  std::unique_ptr<RestoredFile> read(const FileEntry& entry);
  void share_linked();
  void open_shared(Needed& n);
  static bool opens_in_place(const Needed& n);
  Own open_own(const Table& table);
  void place(const Table& table, Own& own);
  int fd_of(uint32_t file_id, const Own& own) const;
  void link(const Table& table, const Own& own);
  static int open_in_place(const TableEntry& entry, RestoredFile& file);
  static void put_in_place(const TableEntry& entry, int fd);
  void note_of_thread(const TableEntry& entry);
  static std::optional<pie::FileOwner> owner_of(int fd, const RestoredFile& file);
  void set_owners_under_way();

  image::Arena arena_;
  const ServiceFds& fds_;
  RestoredRemaps remaps_;
  std::map<uint32_t, const FileEntry*> entries_;
  std::map<uint32_t, Needed> needed_;
  std::vector<std::unique_ptr<FileKind>> kinds_;
  StoredMessages messages_;
  RestoreContext context_;
  FileLocksRestore locks_;
  std::map<std::string, UniqueFd> inherited_;
  std::map<std::string, std::string> placed_last_;
  std::vector<pie::ThreadFile> thread_files_;
  std::map<uint32_t, int32_t> first_numbers_;  // of those, by file
  std::vector<pie::FileOwner> owners_;
};

}  // namespace criu::files
