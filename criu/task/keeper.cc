// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/keeper.h"

#include <signal.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string_view>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/service-fds.h"
#include "criu/task/spare-pids.h"

namespace criu {

namespace {

enum class Kind { kTask, kSegment, kDirectory, kDismissed, kReady };

// What the keeper is told, each a message; a path stands behind it. It says itself that it is
// ready.
struct Note {
  Kind kind;
  int id;
};

// Calls the kernel and nothing else.
bool tell(int socket, Note note, std::string_view path = {}) {
  iovec parts[] = {{&note, sizeof note}, {const_cast<char*>(path.data()), path.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  ssize_t n = 0;
  while ((n = sendmsg(socket, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) continue;
  return n == static_cast<ssize_t>(sizeof note + path.size());
}

void must_tell(int socket, Note note, std::string_view path = {}) {
  if (!tell(socket, note, path)) fail_errno("cannot tell the keeper");
}

// What is to be undone.
struct Kept {
  std::vector<int> tasks, segments;
  std::vector<std::string> directories;

  void add(Note note, std::string_view path) {
    if (note.kind == Kind::kTask) tasks.push_back(note.id);
    if (note.kind == Kind::kSegment) segments.push_back(note.id);
    if (note.kind == Kind::kDirectory) directories.emplace_back(path);
  }
  void undo() const {
    for (const int tid : tasks) kill(tid, SIGKILL);
    for (const int id : segments) shmctl(id, IPC_RMID, nullptr);
    std::error_code ignored;
    for (const std::string& path : directories) std::filesystem::remove_all(path, ignored);
  }
};

// What is sent to the group of criu, from a terminal for example, is not for the keeper; nor does
// it hold anybody's files: whoever is told that it is ready can rely on that.
[[noreturn]] void keep(int socket) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  if (socket > 0) close_range(0, static_cast<unsigned>(socket - 1), 0);
  close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
  if (!tell(socket, {Kind::kReady, 0})) _exit(1);
  Kept kept;
  char message[sizeof(Note) + PATH_MAX];
  ssize_t n = 0;
  while ((n = recv(socket, message, sizeof message, 0)) > 0 || (n < 0 && errno == EINTR)) {
    if (n < 0) continue;
    Note note{};
    memcpy(&note, message, sizeof note);
    if (note.kind == Kind::kDismissed) _exit(0);
    kept.add(note, {message + sizeof note, static_cast<size_t>(n) - sizeof note});
  }
  kept.undo();
  _exit(0);
}

}  // namespace

void Keeper::begin(bool tasks_exist) {
  if (is_there()) return;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    fail_errno("cannot make a pair of sockets");
  UniqueFd its_end(ends[0]);
  UniqueFd own_end(ends[1]);
  socket_ = fds_.raise(std::move(own_end));
  int pid = 0;
  if (tasks_exist) {
    pid = make_child(0, 0);
  } else {
    SparePids spare(tasks_);
    while ((pid = make_child(spare.take(), 0)) == -EEXIST) continue;
  }
  if (pid < 0) fail("cannot make the keeper: {}", strerror(-pid));
  if (pid == 0) {
    socket_.reset();
    keep(its_end.get());
  }
  pid_ = pid;
  its_end.reset();
  Note said{};
  ssize_t n = 0;
  while ((n = recv(socket_.get(), &said, sizeof said, 0)) < 0 && errno == EINTR) continue;
  if (n != sizeof said || said.kind != Kind::kReady) fail("the keeper has ended");
}

void Keeper::note_task(pid_t tid) const {
  must_tell(socket_.get(), {Kind::kTask, tid});
}

bool Keeper::note_segment(int id) const {
  return tell(socket_.get(), {Kind::kSegment, id});
}

void Keeper::note_directory(const std::string& path) const {
  if (path.size() >= PATH_MAX) fail("{} is too long for a path", path);
  must_tell(socket_.get(), {Kind::kDirectory, 0}, path);
}

void Keeper::dismiss() const {
  if (is_there()) must_tell(socket_.get(), {Kind::kDismissed, 0});
}

void Keeper::undo() {
  if (!is_there()) return;
  // Tasks may have inherited it.
  shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
  while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
  pid_ = 0;
}

}  // namespace criu
