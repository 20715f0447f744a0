// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "criu/files/file-kind.h"
#include "criu/files/tty-queue.h"

namespace criu::files {

// What waits to be read in the pseudo-terminals of a tree: tty-data.img.
class TtyData {
 public:
  struct Ends {
    std::string who;  // the master, for messages
    int master;
    bool slave_was_open;
    TtyInfoEntry *slave_info, *master_info;
  };

  // Dump: looks into them, which is to say that all is taken and put back. The tasks are stopped.
  // Throws Error for what could not be put back, or not restored; then nothing has changed either.
  // telling: open files of terminals that ask for a signal when something happens there (O_ASYNC).
  void look(const std::vector<Ends>& ends, const std::vector<int>& telling);
  void write(DumpContext& context) const;

  // Restore.
  void read(RestoreContext& context);
  // Fills a terminal that is to have these modes.
  void fill(const TtyInfoEntry* slave, const TtyInfoEntry& master, int own_master,
            bool slave_was_open) const;

 private:
  static std::unique_ptr<TtyQueue> queue_of(const TtyDataEntry& entry);
  static TtyDataEntry* entry_of(DumpContext& context, uint32_t id, const TtyQueue& queue);

  std::map<uint32_t, std::unique_ptr<TtyQueue>> queues_;  // by the id of the end that reads
};

}  // namespace criu::files
