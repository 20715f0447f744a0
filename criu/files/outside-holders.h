// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace criu::files {

// What tasks of a tree have that a process outside of the tree may have too, and would be cut off
// from: pipes, sockets with a port, pseudo-terminals, network devices of programs, and memory that
// no name leads to.
// Everything is noted first; then all processes are looked at once, and only if there is anything
// to look for.
//
// Processes that /proc does not show, those outside of the own pid namespace, are not seen.
class OutsideHolders {
 public:
  // external: keys of what is meant to be held elsewhere as well, "pipe:[inode]".
  explicit OutsideHolders(const std::set<std::string>& external) : external_(external) {}

  // what: a descriptor or mapping of the tree that has it, for the message.
  // By what links of descriptors say: "pipe:[inode]", "socket:[inode]".
  void add_pipe(const std::string& link, const std::string& what);
  void add_socket(const std::string& link, const std::string& what);
  // A named pipe with something in it that nobody has read.
  void add_filled_fifo(dev_t dev, ino_t inode, const std::string& what);
  // A pseudo-terminal by its slave, and our own descriptor of the master.
  void add_terminal(dev_t dev, dev_t rdev, int master, const std::string& what);
  // What a descriptor with that link tells in a line of fdinfo: "/dev/net/tun", "iff:\ttun0".
  void add_told(const std::string& link, const std::string& line, const std::string& what);
  // Memory that no name leads to.
  void add_memory(dev_t dev, ino_t inode, const std::string& what);
  // A removed file, by descriptor: the tree gets one of its own, of which check() warns.
  void add_removed(dev_t dev, ino_t inode, const std::string& what);
  // A segment of System V shared memory: once for each mapping of it.
  void add_segment(int id, const std::string& what);

  // Throws Error naming what, or unless separate_memory the memory, that a process that is not
  // in tree has as well, and that process.
  void check(const std::set<pid_t>& tree, bool separate_memory) const;

 private:
  using Inode = std::pair<dev_t, ino_t>;
  struct Terminal {
    int master;
    std::string what;
  };
  using Held = std::map<std::string, std::string, std::less<>>;  // by link: what
  static void refuse_held(const Held& held, const char* kind, pid_t pid, std::string_view link);
  void check_descriptors(pid_t pid, bool memory) const;
  void check_terminal(pid_t pid, int dir, const char* number) const;
  using Told = std::map<std::string, std::string>;  // by line: what
  void check_told(const Told& told, pid_t pid, const char* number) const;
  void check_fifo(pid_t pid, int dir, const char* number) const;
  void check_mappings(pid_t pid, const std::set<int>& segments) const;
  void refuse_memory(pid_t pid, Inode inode) const;
  void warn_of_removed(pid_t pid, Inode inode) const;
  [[noreturn]] void refuse_segment(int id, const std::string& who) const;
  std::set<int> find_shared_segments(bool separate_memory) const;

  const std::set<std::string>& external_;
  Held pipes_, sockets_;
  std::map<Inode, std::string> memory_, removed_, filled_fifos_;
  struct Segment {
    std::string what;
    uint64_t mappings = 0;  // the tree's
  };
  std::map<int, Segment> segments_;                        // by id
  std::map<std::string, Told, std::less<>> told_;          // by link
  std::map<std::pair<dev_t, dev_t>, Terminal> terminals_;  // by file system and device number
};

}  // namespace criu::files
