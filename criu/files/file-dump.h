// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "criu/files/file-identity.h"
#include "criu/files/file-kind.h"
#include "criu/files/file-locks.h"
#include "criu/files/file-look.h"
#include "criu/files/outside-holders.h"
#include "criu/files/path-remap.h"
#include "criu/files/shmem.h"
#include "criu/files/stored-messages.h"

namespace criu::files {

// One descriptor of a table, and which open file it refers to.
struct TableEntry {
  uint32_t fd = 0;
  uint32_t flags = 0;  // FD_CLOEXEC, which the task itself tells
  FdTypes type = FD_TYPES__UND;
  uint32_t file_id = 0;
};

// Collects the open files of all tasks: each open file once, however many descriptors it has
// (kcmp(2) KCMP_FILE tells). First everything is looked at (add_*), which refuses what is not
// supported and changes nothing; then write() makes the images.
class FileDump {
 public:
  // run_id: as in DumpContext.
  FileDump(const Options& options, const image::Directory& dir,
           std::function<const std::string&()> run_id);

  // The descriptor table of a task. Throws Error naming the descriptor that is not supported.
  std::vector<TableEntry> add_table(TableLook& look);
  // A place a task holds besides its descriptors. Places that are one file with one path and the
  // same open flags have one id.
  uint32_t add_place(OpenFile& place);
  // The same of a file that a task has mapped. Tasks of one program have the same files mapped,
  // each in several parts: what is known by what /proc/pid/maps tells of it is not looked at again.
  using Mapped = std::tuple<dev_t, ino_t, std::string, int>;  // path; flags to open it with
  uint32_t add_mapped(pid_t pid, const Mapped& mapped, const std::string& link);

  // The same of a socket, which is one that a table has, perhaps of a task to come; file_id is not
  // known.
  uint32_t add_mapped_socket(dev_t dev, ino_t inode, MappedSocket mapped);

  // A place that has been added is mapped as a program, that part of it (in bytes): what tells the
  // file from others will be stored. path leads to it.
  void note_program(uint32_t id, const std::string& path, uint64_t offset, uint64_t length);

  // Shared anonymous memory, as far as descriptors or mappings have led to it.
  ShmemObjects& shmem() { return shmem_; }
  const ShmemObjects& shmem() const { return shmem_; }

  // What processes outside of the tree may have as well.
  OutsideHolders& holders() { return holders_; }

  // All tables and places have been added: refuses what only shows now.
  void check();

  // Holds what would go on without the tasks, until release() or before_kill(), or the end of this
  // object.
  void hold();
  void release();
  // All images are there, and the tasks are about to be killed; those of some kinds of files are,
  // by this.
  void before_kill();

  // The contents of unlinked files.
  void write_ghosts() { remaps_.write_ghosts(arena_); }
  // files.img, the descriptor-independent part, and what belongs to it. Makes temporary links,
  // which are removed with this object: whoever has SIGTERM end the process leaves them.
  void write();
  // Temporary links that were made for the images stay.
  void commit() { remaps_.commit(); }

 private:
  struct Program {
    std::string path;
    FileParts parts;
  };
  struct Known {
    pid_t pid;
    int fd;
    uint32_t id = 0;
    FdTypes type = FD_TYPES__UND;
  };
  // Where an open file is among those of its inode, or where it belongs.
  struct Found {
    size_t at;
    bool is_known;
  };
  // An open file of a table: where it belongs, and what it is, once that is known.
  struct Candidate {
    explicit Candidate(size_t place) : at(place) {}
    size_t at;
    std::optional<Known> known;
  };
  using Inode = std::pair<dev_t, ino_t>;
  struct Lookup {
    std::map<Inode, std::vector<Candidate>> candidates;  // in kcmp's order
    std::map<int, Candidate*> by_number;
  };
  using Place = std::tuple<dev_t, ino_t, std::string, int>;

  static int compare(const Known& a, const Known& b);
  // Looks at `from` first.
  static Found find(const Known& file, const std::vector<Known>& all, size_t from);
  Lookup look_up(const TableLook& look);
  void keep(const Lookup& lookup);
  Known add_new(OpenFile& file);
  uint32_t add_under_way(UniqueFd fd, const std::string& within);
  FileKind& kind_of(const OpenFile& file) const;
  FileEntry* add(const OpenFile& file);
  void add_locks(const OpenFile& file, uint32_t file_id);
  void identify_programs();
  void check_mapped_sockets() const;
  void check_under_way() const;
  void check_leases();
  FileEntry* new_entry(FdTypes type);
  std::optional<Whereabouts> find_watched(const Watched& watched) const;
  Whereabouts whereabouts(const Known& known, pid_t pid) const;

  image::Arena arena_;
  const image::Directory& dir_;
  uint32_t next_id_ = 1;
  std::set<pid_t> tasks_;
  PathRemaps remaps_;
  ShmemObjects shmem_;
  OutsideHolders holders_;
  std::vector<MappedSocket> mapped_sockets_;
  std::map<Inode, uint32_t> expected_;  // ids of sockets that were seen mapped, and in no table yet
  std::set<uint32_t> of_threads_;       // ids of pidfds
  std::set<uint32_t> late_;             // ids, as in DumpContext
  FileLocksDump locks_;
  StoredMessages messages_;
  DumpContext context_;
  std::vector<std::unique_ptr<FileKind>> kinds_;
  std::vector<FileEntry*> entries_;
  std::map<Inode, std::vector<Known>> known_;        // in kcmp's order
  std::map<pid_t, std::map<int, uint32_t>> tables_;  // id by number
  std::vector<UniqueFd> under_way_;                  // known by these
  std::map<uint32_t, std::string> who_under_way_;    // by id, for messages
  std::map<Place, uint32_t> places_;
  std::map<Mapped, uint32_t> mapped_;
  std::map<uint32_t, Program> programs_;  // by id of the file
};

}  // namespace criu::files
