// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/outside-holders.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "criu/base/directory-listing.h"
#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/log.h"
#include "criu/base/parallel.h"
#include "criu/base/proc.h"
#include "criu/files/sysv-segment.h"

namespace criu::files {

namespace {

// "1234 (name)"
std::string name_of(pid_t pid) {
  try {
    return fmt::format("{} ({})", pid, proc::read_stat(pid, pid).comm);
  } catch (const Error&) {
    return fmt::format("{} (it has ended by now)", pid);
  }
}

// A task that has ended or a descriptor that was closed meanwhile, or what is not this user's to
// see (ptrace(2), "Ptrace access mode checking").
bool is_out_of_sight(int err) {
  return err == ENOENT || err == ESRCH || err == EACCES || err == EPERM;
}

// Nothing where that is out of sight.
UniqueFd open_if_in_sight(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd && !is_out_of_sight(errno)) fail_errno("cannot open {}", path);
  return fd;
}

std::string maps_of(pid_t pid) {
  const std::string path = proc::path(pid, "maps");
  const UniqueFd fd = open_if_in_sight(path, O_RDONLY);
  return fd ? read_open_file(fd.get(), path) : std::string();
}

std::vector<pid_t> tasks_besides(const std::set<pid_t>& tree) {
  std::vector<pid_t> found = proc::list_processes();
  std::erase_if(found, [&](pid_t pid) { return pid == getpid() || tree.contains(pid); });
  return found;
}

// Of a process, one thread for each table of descriptors: the first one may have ended before the
// others, and any may have a table of its own (unshare(2), CLONE_FILES).
std::vector<pid_t> threads_by_table(pid_t pid) {
  constexpr nlink_t kOfOneThread = 3;  // two more than threads: proc_task_getattr(), fs/proc/base.c
  struct stat st {};
  if (stat(proc::path(pid, "task").c_str(), &st) < 0 || st.st_nlink <= kOfOneThread) return {pid};
  std::vector<pid_t> each;
  for (const pid_t tid : proc::list_threads(pid))
    if (std::ranges::none_of(each, [&](pid_t known) {
          return syscall(SYS_kcmp, known, tid, KCMP_FILES, 0, 0) == 0;
        }))
      each.push_back(tid);
  return each;
}

// "/dev/pts/3", wherever that is mounted.
bool is_pts_path(std::string_view link) {
  const size_t slash = link.rfind('/');
  return slash != std::string_view::npos && link[0] == '/' && slash + 1 < link.size() &&
         link.find_first_not_of("0123456789", slash + 1) == std::string_view::npos;
}

const dev_t kDevTty = makedev(5, 0);  // Documentation/admin-guide/devices.txt

// Which terminal a descriptor of a task stands for that was opened as /dev/tty. 0: none, or it is
// out of sight.
dev_t terminal_behind(pid_t pid, int fd) {
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return 0;
  const UniqueFd own(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0)));
  unsigned device = 0;
  if (!own || ioctl(own.get(), TIOCGDEV, &device) < 0) return 0;
  // new_encode_dev(), linux/kdev_t.h
  return makedev((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
}

// Terminals of two instances of devpts(5) may have one number, and the kernel does not tell which
// one is behind /dev/tty. It is that of the session that opened it, or else one that the task sees.
bool is_terminal_of(pid_t pid, dev_t file_system, dev_t device, int master) {
  pid_t session = 0;
  if (ioctl(master, TIOCGSID, &session) == 0 && session == getsid(pid)) return true;
  struct stat st {};
  const std::string seen = proc::path(pid, fmt::format("root/dev/pts/{}", minor(device)));
  return stat(seen.c_str(), &st) == 0 && st.st_dev == file_system && st.st_rdev == device;
}

// The next word of a line, which is taken off.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

void OutsideHolders::add_pipe(const std::string& link, const std::string& what) {
  if (!external_.contains(link)) pipes_.try_emplace(link, what);
}

void OutsideHolders::add_socket(const std::string& link, const std::string& what) {
  if (!external_.contains(link)) sockets_.try_emplace(link, what);
}

void OutsideHolders::add_filled_fifo(dev_t dev, ino_t inode, const std::string& what) {
  filled_fifos_.try_emplace({dev, inode}, what);
}

void OutsideHolders::add_terminal(dev_t dev, dev_t rdev, int master, const std::string& what) {
  terminals_.try_emplace({dev, rdev}, Terminal{master, what});
}

void OutsideHolders::add_told(const std::string& link, const std::string& line,
                              const std::string& what) {
  told_[link].try_emplace(line, what);
}

void OutsideHolders::add_memory(dev_t dev, ino_t inode, const std::string& what) {
  memory_.try_emplace({dev, inode}, what);
}

void OutsideHolders::add_removed(dev_t dev, ino_t inode, const std::string& what) {
  removed_.try_emplace({dev, inode}, what);
}

void OutsideHolders::add_segment(int id, const std::string& what) {
  const auto [it, is_new] = segments_.try_emplace(id, Segment{what});
  it->second.mappings++;
}

// Those that are attached more often than the tree does it. The kernel counts mappings.
std::set<int> OutsideHolders::find_shared_segments(bool separate_memory) const {
  std::set<int> shared;
  for (const auto& [id, segment] : segments_) {
    const auto now = find_segment(id);
    if (!now || now->attached < segment.mappings)
      fail(
          "{}: a mapping of the System V segment {} that is not attached (shmat) is not supported "
          "yet",
          segment.what, id);
    if (now->attached > segment.mappings && !separate_memory) shared.insert(id);
  }
  return shared;
}

void OutsideHolders::refuse_memory(pid_t pid, Inode inode) const {
  const auto it = memory_.find(inode);
  if (it != memory_.end())
    fail(
        "{}: task {}, which is not part of the tree, shares it and would be separated from it; "
        "--separate-shared-memory allows that",
        it->second, name_of(pid));
}

// Temporary files are handed on like that, as the output of a program for example, and to be told
// of it is better than not to be dumped.
void OutsideHolders::warn_of_removed(pid_t pid, Inode inode) const {
  const auto it = removed_.find(inode);
  if (it != removed_.end())
    log::warn(
        "{}: task {}, which is not part of the tree, has this removed file open too: a restored "
        "tree writes to another one",
        it->second, name_of(pid));
}

// What stands in it is there as long as the other one has it open, unless that reads it: a restore
// that puts it back might give it twice. Whoever is about to read it does so in a moment.
void OutsideHolders::check_fifo(pid_t pid, int dir, const char* number) const {
  struct stat st {};
  if (fstatat(dir, number, &st, 0) < 0 || !S_ISFIFO(st.st_mode)) return;
  if (const auto it = filled_fifos_.find({st.st_dev, st.st_ino}); it != filled_fifos_.end())
    fail_for_now(
        "{}: what stands in the named pipe may be read by task {} as well, which is not part of "
        "the tree: a restore could not tell whether to put it back: not supported yet",
        it->second, name_of(pid));
}

// A master has one open file, which may be in several tables; of a slave that has been hung up
// nothing but the number is left.
void OutsideHolders::check_terminal(pid_t pid, int dir, const char* number) const {
  struct stat st {};
  if (fstatat(dir, number, &st, 0) < 0 || !S_ISCHR(st.st_mode)) return;
  const auto fd = static_cast<unsigned>(proc::to_u64(number));
  const dev_t behind = st.st_rdev == kDevTty ? terminal_behind(pid, static_cast<int>(fd)) : 0;
  for (const auto& [node, terminal] : terminals_)
    if (node == std::pair{st.st_dev, st.st_rdev} ||
        (node.second == behind && is_terminal_of(pid, node.first, behind, terminal.master)) ||
        syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, terminal.master, fd) == 0)
      fail("{}: task {}, which is not part of the tree, has the terminal {} open too",
           terminal.what, name_of(pid), minor(node.second));
}

void OutsideHolders::check_told(const Told& told, pid_t pid, const char* number) const {
  std::string info;
  try {
    info = read_file(proc::path(pid, fmt::format("fdinfo/{}", number)));
  } catch (const NotThere&) {
    return;  // it was closed
  }
  proc::each_line(info, [&](std::string_view line) {
    const auto it = told.find(std::string(line));
    if (it != told.end())
      fail("{}: task {}, which is not part of the tree, has it too ({}): not supported yet",
           it->second, name_of(pid), line);
  });
}

void OutsideHolders::refuse_held(const Held& held, const char* kind, pid_t pid,
                                 std::string_view link) {
  if (const auto it = held.find(link); it != held.end())
    fail(
        "{}: the {} is held by task {} too, which is not part of the tree: --external {} "
        "allows that, and a restore is then given another by --inherit-fd fd[N]:{}",
        it->second, kind, name_of(pid), link, link);
}

void OutsideHolders::check_descriptors(pid_t pid, bool memory) const {
  const std::string path = proc::path(pid, "fd");
  UniqueFd fd = open_if_in_sight(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return;
  DirectoryListing dir(std::move(fd), path);
  char target[PATH_MAX];
  while (const char* name = dir.next()) {
    const ssize_t n = readlinkat(dir.fd(), name, target, sizeof target);
    if (n < 0 && is_out_of_sight(errno)) continue;
    if (n < 0) fail_errno("cannot read the link of descriptor {} of task {}", name, pid);
    const std::string_view link(target, static_cast<size_t>(n));
    if (link.starts_with("pipe:")) {
      refuse_held(pipes_, "pipe", pid, link);
    } else if (link.starts_with("socket:")) {
      refuse_held(sockets_, "socket", pid, link);
    } else if (!terminals_.empty() &&
               (link.ends_with("/ptmx") || link.ends_with("/tty") || is_pts_path(link))) {
      check_terminal(pid, dir.fd(), name);
    } else if (const auto told = told_.find(link); told != told_.end()) {
      check_told(told->second, pid, name);
    } else if (!filled_fifos_.empty() && link.starts_with('/')) {
      check_fifo(pid, dir.fd(), name);
    }
    if ((memory || !removed_.empty()) && link.ends_with(" (deleted)")) {
      struct stat st {};
      if (fstatat(dir.fd(), name, &st, 0) < 0) continue;
      if (memory) refuse_memory(pid, {st.st_dev, st.st_ino});
      warn_of_removed(pid, {st.st_dev, st.st_ino});
    }
  }
}

void OutsideHolders::check_mappings(pid_t pid, const std::set<int>& segments) const {
  proc::each_line(maps_of(pid), [&](std::string_view line) {
    take_word(line), take_word(line), take_word(line);  // range, protection, offset
    const std::string_view dev = take_word(line);
    const ino_t inode = proc::to_u64(take_word(line));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const size_t colon = dev.find(':');
    if (colon == std::string_view::npos) return;
    const dev_t device = makedev(static_cast<unsigned>(proc::to_u64(dev, 16)),
                                 static_cast<unsigned>(proc::to_u64(dev.substr(colon + 1), 16)));
    // Its inode may have the number of another one there.
    if (is_sysv_segment(device, std::string(line))) {
      if (segments.contains(static_cast<int>(inode)))
        refuse_segment(static_cast<int>(inode), fmt::format("task {}", name_of(pid)));
    } else if (inode != 0) {
      refuse_memory(pid, {device, inode});
    }
  });
}

void OutsideHolders::refuse_segment(int id, const std::string& who) const {
  fail(
      "{}: {}, which is not part of the tree, has the System V segment {} attached too: "
      "--separate-shared-memory allows that",
      segments_.at(id).what, who, id);
}

void OutsideHolders::check(const std::set<pid_t>& tree, bool separate_memory) const {
  const std::set<int> segments = find_shared_segments(separate_memory);
  const bool memory = (!memory_.empty() && !separate_memory) || !segments.empty();
  if (pipes_.empty() && sockets_.empty() && terminals_.empty() && told_.empty() &&
      filled_fifos_.empty() && removed_.empty() && !memory)
    return;
  const std::vector<pid_t> others = tasks_besides(tree);
  constexpr size_t kGrain = 4;
  for_each_in_parallel(others.size(), kGrain, [&](size_t i) {
    try {
      for (const pid_t tid : threads_by_table(others[i])) {
        check_descriptors(tid, memory);
        if (memory) check_mappings(tid, segments);
      }
    } catch (const NotThere&) {
      // It has ended meanwhile, and has none of these any more.
    }
  });
  if (!segments.empty()) refuse_segment(*segments.begin(), "a process that /proc does not show");
}

}  // namespace criu::files
