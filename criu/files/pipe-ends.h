// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <set>
#include <string>

#include "criu/files/file-kind.h"

namespace criu::files {

// Who holds the ends of the pipes of a tree. One that is also held outside of the tree could only
// be cut off from there.
class PipeEnds {
 public:
  // Notes an open end.
  void add(const OpenFile& end);
  // All ends of the tree have been added: throws Error naming one whose pipe is held elsewhere, and
  // by whom. Looks at the descriptors of all processes there are, if there is any pipe.
  void check(const std::set<pid_t>& tree) const;

 private:
  struct Pipe {
    std::string who;                                          // an end of it, for messages
    bool reader = false, writer = false;                      // there is one in the tree
    bool reader_somewhere = false, writer_somewhere = false;  // there is one at all
  };
  void refuse_holder(pid_t pid, const std::string& link) const;

  std::map<std::string, Pipe> pipes_;  // by what a descriptor's link says, "pipe:[inode]"
};

}  // namespace criu::files
