// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "criu/base/fd.h"
#include "criu/config.h"
#include "criu/image/image-file.h"

namespace criu::files {

struct OpenFile;

// The dump's side of files that cannot be found by the path they were opened with: because they
// have no name any more (a "ghost": its contents go into the images), or because the name is gone
// or is another file's while the file lives on under other names (with --link-remap it gets a
// temporary one).
class PathRemaps {
 public:
  // next_id gives ids of files.img.
  PathRemaps(const Options& options, const image::Directory& dir, std::function<uint32_t()> next_id)
      : options_(options), dir_(dir), next_id_(std::move(next_id)) {}
  // Removes the temporary links of a dump that came to nothing.
  ~PathRemaps();
  PathRemaps(const PathRemaps&) = delete;
  PathRemaps& operator=(const PathRemaps&) = delete;

  // Looks at a file with a path and notes what is needed to find it again; changes nothing. Returns
  // the path to store. Throws Error where it could not be found again.
  std::string examine(const OpenFile& file, uint32_t file_id);
  // Whether the contents of that file go into the images.
  bool is_ghost(uint32_t file_id) const;
  bool has_ghost(dev_t device, ino_t inode) const { return ghost_ids_.contains({device, inode}); }
  // A lease that an open for reading would break. who: for the message.
  void add_lease(dev_t device, ino_t inode, const std::string& who) {
    leases_.try_emplace({device, inode}, who);
  }
  // All files and leases are known: opens what is to be stored. Throws Error where that would break
  // a lease.
  void check();
  // Writes the ghost files.
  void write_ghosts(image::Arena& arena) const;
  // Makes the links, whose entries go to files.img, and writes remap-fpath.img.
  void write(image::Arena& arena, image::Writer& files_img);
  // The links stay: the images need them.
  void commit() { links_made_.clear(); }

 private:
  using Inode = std::pair<dev_t, ino_t>;
  struct Ghost {
    uint32_t ghost_id = 0;
    UniqueFd fd;
    struct stat st {};
    std::string target;  // of a symbolic link
    std::string who;
  };
  struct Link {
    uint32_t file_id = 0;
    UniqueFd fd;
    struct stat st {};
    std::string path;
    std::string who;
  };
  struct Remap {
    uint32_t file_id = 0;
    uint32_t remap_id = 0;
    RemapType type = REMAP_TYPE__GHOST;
  };

  // Whether the path leads to that file.
  bool is_there(const std::string& path, const struct stat& file);
  // Whether it is one of /proc, of a process that has ended.
  bool examine_ended(const OpenFile& file, uint32_t file_id, const std::string& path);
  void examine_ghost(const OpenFile& file, uint32_t file_id);
  void open_contents(Ghost& ghost) const;
  void examine_link(const OpenFile& file, uint32_t file_id, const std::string& path);
  void write_ghost(image::Arena& arena, const Ghost& ghost) const;
  void check_size(const struct stat& st, const std::string& who) const;
  static void refuse_unlinkable(const OpenFile& file, const std::string& path,
                                const std::string& where);
  // False where the file has no name at all, whatever its link count says.
  bool make_link(Link& link);
  void turn_into_ghost(Link& link);
  static void write_link(image::Arena& arena, const Link& link, image::Writer& files_img);

  const Options& options_;
  const image::Directory& dir_;
  std::function<uint32_t()> next_id_;
  std::string last_path_;  // that was there, and led to:
  Inode last_inode_;
  std::map<Inode, uint32_t> ghost_ids_, link_ids_;
  std::map<Inode, std::string> leases_;  // whose
  std::vector<Ghost> ghosts_;
  std::vector<Link> links_;
  std::vector<Remap> remaps_;
  std::vector<std::string> links_made_;
};

}  // namespace criu::files
