// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <string>

#include "criu/files/file-kind.h"

namespace criu::files {

// Which ends the pipes of a tree have within it. One that is also held elsewhere could only be cut
// off from there: OutsideHolders finds who can be seen, this those who cannot.
class PipeEnds {
 public:
  // Notes an open end.
  void add(const OpenFile& end);
  // All ends of the tree have been added: throws Error naming one whose other end is elsewhere.
  void check() const;

 private:
  struct Pipe {
    std::string who;                                          // an end of it, for messages
    bool reader = false, writer = false;                      // there is one in the tree
    bool reader_somewhere = false, writer_somewhere = false;  // there is one at all
  };

  std::map<std::string, Pipe> pipes_;  // by what a descriptor's link says, "pipe:[inode]"
};

}  // namespace criu::files
