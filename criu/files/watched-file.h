// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "criu/files/file-handle.h"
#include "criu/files/file-kind.h"

namespace criu::files {

// What inotify(7) and fanotify(7) watch.
//
// The kernel tells of a watch which inode it is of, not by which name it was set. Where the file
// system has handles that finds it; else, and with --force-irmap, it is looked for where the task
// has it open, which most watchers have, or the directory that it is in, and below the directories
// of
// --irmap-scan-path.

// "inotify wd:3 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1
// f_handle:7e9e0000640d1b6d", all in hexadecimal: fs/notify/fdinfo.c. The number behind " key:"; 0
// where there is none.
uint64_t info_word(std::string_view line, std::string_view key);
FileHandle parse_handle(std::string_view line);

// A name of what a descriptor watches. what: "its watch 3", for the message. Throws Error where
// none can be found.
std::string find_watched(const Options& options, const OpenFile& file, const FileHandle& handle,
                         const std::string& what);

// The file (O_PATH) by its inode; or by the name that it had, where that is a file system that was
// made anew; or, where it had none any more, as the tree has it open. Throws Error naming what.
UniqueFd open_watched(const RestoredRemaps& remaps, uint64_t inode, uint32_t device,
                      const FhEntry& entry, const std::string& what);

// What is watched and has no name any more, of a dump.
class RemovedWatched {
 public:
  // Notes a file without a name if it has been removed. what: of whom, for messages.
  void note(const FileHandle& handle, const std::string& what);
  // All files of the tree have been seen: throws Error where none of them is it.
  void check(const PathRemaps& remaps) const;

 private:
  struct File {
    dev_t device;
    ino_t inode;
    std::string what;
  };

  std::vector<File> files_;
};

}  // namespace criu::files
