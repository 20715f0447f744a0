// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "criu/base/successor.h"
#include "criu/files/file-kind.h"
#include "criu/net/inet-diag.h"
#include "criu/net/network-lock.h"
#include "criu/net/tcp-stream.h"

namespace criu::net {

// The TCP connections of a tree, while it is dumped:
//
//   add()          as its descriptors are found; changes nothing.
//   look()         All have been found: reads what does not change while the tasks stand still,
//                  from what sock_diag(7) has told of all at once, where it tells that.
//   hold()         Locks all of them, so that nothing changes and no peer is answered; then reads
//                  each, which is under repair for that moment.
//   write()        Their images.
//   release()      The tasks go on: the lock goes. Also by the destructor.
//   before_kill()  All are put under repair, so that none takes leave of its peer, and the tasks
//                  are killed. The lock stays for the restore.
//
// Each connection is a matter of its own, and there may be many: they are read and written by
// several threads, none of which is there when the successor is made.
//
// A successor does the same if this process is killed: before the tasks are being killed it takes
// back both, from then on it ends it.
class TcpDump {
 public:
  ~TcpDump() { release(); }

  void add(const files::OpenFile& file, const std::string& who, InetSkEntry& entry);
  std::set<uint32_t> families() const;
  void look(const TcpSockets& sockets);
  void hold(files::DumpContext& context);
  void write(const image::Directory& dir);
  void release() noexcept;
  void before_kill();

 private:
  struct Member {
    UniqueFd fd;
    InetSkEntry* entry;
    std::string who;
    TcpDiag diag;
    TcpStream stream;
    int reuse() const { return entry->opts->reuseaddr ? 1 : 0; }
  };

  // f: may throw; what it makes in the arena is there as long as this.
  void in_parallel(const std::function<void(Member&, image::Arena&)>& f);
  static void find_peer(Member& m);
  std::vector<Connection> connections() const;
  void undo() noexcept;
  void kill_tasks(const std::vector<pid_t>& tasks) noexcept;

  std::vector<Member> members_;
  std::deque<image::Arena> arenas_;  // one for each kGrain members, which one thread has at a time
  std::optional<NetworkLock> lock_;
  std::optional<Successor> successor_;
};

}  // namespace criu::net
