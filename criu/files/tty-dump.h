// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <list>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "criu/base/proc.h"
#include "criu/files/file-kind.h"
#include "criu/files/shell-terminal.h"
#include "criu/files/tty-data.h"
#include "criu/image/image-file.h"

namespace criu::files {

// The terminals of a tree, as a dump sees them. A pseudo-terminal is the tree's own where it has
// the master. Any other terminal belongs to the outside: it is that of the shell (--shell-job), or
// one that a restore is given (--external), or a device that is still there at a restore.
//
// What a descriptor is of shows when all of them have been seen: add() only notes it.
class TtyDump {
 public:
  void add(DumpContext& context, const OpenFile& f, FileEntry* entry);
  // Throws Error for what cannot be restored.
  void check(DumpContext& context);
  void write(DumpContext& context) const;

 private:
  // An open file.
  struct File {
    std::string who;
    pid_t pid;
    struct stat st;
    UniqueFd own;
    TtyFileEntry* entry;
  };
  // The file system that the node of a terminal is in, and the device's number.
  using Node = std::pair<dev_t, dev_t>;
  struct Pty {
    const File* master;
    uint32_t id;  // of the slave; the master's is the next
    pid_t session = 0;
    bool slave_was_open = false;
  };

  static Node node_of(const File& f) { return {f.st.st_dev, f.st.st_rdev}; }
  void add_master(DumpContext& context, const File& f);
  void add_slave(DumpContext& context, const File& f);
  void add_hung_up(DumpContext& context, const File& f);
  void add_dev_tty(DumpContext& context, const File& f);
  void add_outer(DumpContext& context, const File& f);
  void find_leaders(const DumpContext& context);
  void refuse_inner_session(const File& f, dev_t terminal) const;
  void check_sessions(const DumpContext& context);
  bool has_terminal(const proc::Stat& leader);
  void look_into_queues();
  Pty* find_pty(dev_t device, pid_t session);

  uint32_t new_id(uint32_t wanted);
  uint32_t new_pair(dev_t slave);
  TtyInfoEntry* new_info(DumpContext& context, uint32_t id, TtyType type, const struct stat& st);
  static void store_session(TtyInfoEntry* info, const proc::Stat& stat);

  std::list<File> files_;
  std::map<Node, Pty> ptys_;
  std::map<Node, uint32_t> hung_up_, outer_;  // ids
  std::map<dev_t, uint32_t> dev_tty_;         // ids, by the terminal that is meant
  std::map<uint32_t, TtyInfoEntry*> infos_;   // by id
  std::map<dev_t, proc::Stat> leaders_;       // of sessions in the tree, by their terminals
  std::set<dev_t> stays_;                     // terminals of the outside that leaders may have
  ShellTerminalUse shell_;
  TtyData data_;
};

}  // namespace criu::files
