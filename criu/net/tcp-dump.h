// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "criu/base/successor.h"
#include "criu/files/file-kind.h"
#include "criu/net/network-lock.h"
#include "criu/net/tcp-stream.h"

namespace criu::net {

// The TCP connections of a tree, while it is dumped:
//
//   add()          as its descriptors are found; changes nothing.
//   hold()         Locks all of them, so that nothing changes and no peer is answered; then reads
//                  each, which is under repair for that moment.
//   write()        Their images.
//   release()      The tasks go on: the lock goes. Also by the destructor.
//   before_kill()  All are put under repair, so that none takes leave of its peer, and the tasks
//   are
//                  killed. The lock stays for the restore.
//
// A successor does the same if this process is killed: before the tasks are being killed it takes
// back both, from then on it ends it.
class TcpDump {
 public:
  ~TcpDump() { release(); }

  void add(const files::OpenFile& file, InetSkEntry& entry);
  void hold(files::DumpContext& context);
  void write(const image::Directory& dir) const;
  void release() noexcept;
  void before_kill();

 private:
  struct Member {
    UniqueFd fd;
    InetSkEntry* entry;
    std::string who;
    TcpStream stream;
    int reuse() const { return entry->opts->reuseaddr ? 1 : 0; }
  };

  std::vector<Connection> connections() const;
  void find_peers();
  void undo() noexcept;
  void kill_tasks(const std::vector<pid_t>& tasks) const noexcept;

  std::list<Member> members_;
  std::optional<NetworkLock> lock_;
  std::optional<Successor> successor_;
};

}  // namespace criu::net
