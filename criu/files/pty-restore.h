// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "criu/files/file-kind.h"
#include "criu/files/tty-data.h"

namespace criu::files {

// An open file of a terminal: all of a terminal are opened at once, and this is one.
class RestoredTty : public RestoredEntry<TtyFileEntry> {
 public:
  using RestoredEntry::RestoredEntry;
  UniqueFd open() override;
  // The flags that an opening may have.
  int open_flags() const;
  void have(UniqueFd fd) { fd_ = std::move(fd); }
  void raise(const ServiceFds& fds) { fd_ = fds.raise(std::move(fd_)); }

 private:
  UniqueFd fd_;
};

// Pseudo-terminals of the tree's own, on their way back. They get the numbers they had: programs
// know the names of their terminals. pty(7), ioctl_tty(2).
//
// A master can be opened but once, and gets the lowest number that is free, so all masters are
// opened one after the other, before there are tasks; and with them the slaves, as a lock or a
// hang-up comes after that.
class PtyRestore {
 public:
  // Of which ends there are files. A slave with master == nullptr has been hung up.
  void add_master(const TtyInfoEntry& master, const TtyInfoEntry* slave, const std::string& path,
                  RestoredTty* file);
  void add_slave(const TtyInfoEntry& slave, const TtyInfoEntry* master, RestoredTty* file);
  // One that was opened as /dev/tty.
  void add_dev_tty(uint32_t slave, RestoredTty* file);

  void make(const RestoreContext& context);
  // The queues and the modes, and what shuts others out.
  void fill(const TtyData& data);
  // A descriptor of the slave of that id, for the leader of its session; negative: there is none.
  int slave_of(uint32_t id) const;
  // Nothing but the files themselves stays open.
  void close();

 private:
  struct Pty {
    const TtyInfoEntry *slave = nullptr, *master = nullptr;
    std::string path;  // of the master
    RestoredTty* master_file = nullptr;
    std::vector<RestoredTty*> slave_files, dev_tty_files;
    UniqueFd own_master, own_slave;

    uint32_t index() const;
    bool slave_was_open() const;
  };
  class Numbers;

  static void hang_up(Numbers& numbers, const Pty& pty);
  static void open_both(Numbers& numbers, Pty& pty, const ServiceFds& fds);
  static void open_slaves(const Pty& pty, int master);
  static void give_owner(const Pty& pty, int slave);

  std::map<uint32_t, Pty> ptys_;  // by the id of the slave
};

}  // namespace criu::files
