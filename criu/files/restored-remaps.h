// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "criu/base/service-fds.h"
#include "criu/base/short-life.h"
#include "criu/image/image-file.h"

namespace criu::files {

// The restore's side of path remaps. A ghost file is made under its old name, unlinked at once, and
// filled; who needs it opens it anew through the descriptor that is left. One that never had a name
// is made without one. A linked one is opened by its temporary name, which is removed once the
// restore has succeeded. For what /proc has of a process that has ended there is one of that pid
// until all files are open.
class RestoredRemaps {
 public:
  RestoredRemaps(const image::Directory& dir, const ServiceFds& fds, image::Arena& arena);

  // The path by which the open file `file_id`, stored as `path`, is to be opened now.
  std::string resolve(uint32_t file_id, const std::string& path);
  bool is_ghost(uint32_t file_id) const;
  // The open of a ghost that is that file, where none can be had through another: of a symbolic
  // link, or the one that made a file without a name; -1: there is none, or not before resolve().
  int own_open(uint32_t file_id) const;
  // A descriptor (O_PATH) of the unlinked file that was that inode at the dump, where a file that
  // was opened is it; -1: none is. device: st_dev, or that of a file system whose subvolumes have
  // one each (btrfs): then it is the only one of that inode.
  int find_ghost(dev_t device, uint64_t inode) const;
  // Whether of two files of one name either none has a remap, or both have the same one.
  bool are_remapped_alike(uint32_t one, uint32_t other) const;
  // An entry of files.img that may be what a remap points to.
  void note_file(const FileEntry& entry);
  // All files are open.
  void end_processes() { processes_.clear(); }
  // The restore has succeeded: the temporary names go.
  void remove_links();

 private:
  // To open the ghost by, or own_open().
  int ghost_fd(uint32_t ghost_id, uint32_t file_id, const std::string& path);
  // seen: a descriptor of it as tasks are to have it, where that is not the one returned.
  UniqueFd make_named(uint32_t ghost_id, const GhostFileEntry& ghost, const std::string& path,
                      UniqueFd& seen);
  UniqueFd make_nameless(uint32_t ghost_id, const GhostFileEntry& ghost, const std::string& path);
  std::vector<uint32_t> files_of(uint32_t ghost_id) const;

  const image::Directory& dir_;
  const ServiceFds& fds_;
  image::Arena& arena_;
  std::map<uint32_t, const RemapFilePathEntry*> remaps_;         // by file id
  std::map<uint32_t, UniqueFd> ghosts_;                          // by ghost id
  std::map<std::pair<uint32_t, uint64_t>, uint32_t> ghost_ids_;  // by device and inode
  std::map<uint32_t, UniqueFd> own_opens_;                       // by file id
  std::map<uint32_t, const RegFileEntry*> reg_files_;            // by file id
  std::map<pid_t, ShortLife> processes_;                         // in the place of ended ones
};

}  // namespace criu::files
