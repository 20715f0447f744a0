// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/keeper.h"

#include <signal.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/service-fds.h"
#include "criu/task/spare-pids.h"

namespace criu {

namespace {

enum class Kind { kTask, kSegment, kDirectory, kDismissed };

// What the keeper is told, each a message: as much of it as is used.
struct Note {
  Kind kind;
  int id;
  char path[PATH_MAX];
};
constexpr size_t kWithoutPath = offsetof(Note, path);

// Calls the kernel and nothing else.
bool tell(int socket, const Note& note, size_t size) {
  ssize_t n = 0;
  while ((n = send(socket, &note, size, MSG_NOSIGNAL)) < 0 && errno == EINTR) continue;
  return n == static_cast<ssize_t>(size);
}

bool tell(int socket, Kind kind, int id) {
  return tell(socket, {.kind = kind, .id = id, .path = {}}, kWithoutPath);
}

void must_tell(int socket, Kind kind, int id) {
  if (!tell(socket, kind, id)) fail_errno("cannot tell the keeper");
}

// What is to be undone.
struct Kept {
  std::vector<int> tasks, segments;
  std::vector<std::string> directories;

  void add(const Note& note) {
    if (note.kind == Kind::kTask) tasks.push_back(note.id);
    if (note.kind == Kind::kSegment) segments.push_back(note.id);
    if (note.kind == Kind::kDirectory) directories.emplace_back(note.path);
  }
  void undo() const {
    for (const int tid : tasks) kill(tid, SIGKILL);
    for (const int id : segments) shmctl(id, IPC_RMID, nullptr);
    std::error_code ignored;
    for (const std::string& path : directories) std::filesystem::remove_all(path, ignored);
  }
};

// What is sent to the group of criu, from a terminal for example, is not for the keeper; nor does
// it hold anybody's files.
[[noreturn]] void keep(int socket) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  if (socket > 0) close_range(0, static_cast<unsigned>(socket - 1), 0);
  close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
  Kept kept;
  Note note{};
  ssize_t n = 0;
  while ((n = recv(socket, &note, sizeof note, 0)) > 0 || (n < 0 && errno == EINTR)) {
    if (n < 0) continue;
    if (note.kind == Kind::kDismissed) _exit(0);
    kept.add(note);
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
  const UniqueFd its_end(ends[0]);
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
}

void Keeper::note_task(pid_t tid) const {
  must_tell(socket_.get(), Kind::kTask, tid);
}

bool Keeper::note_segment(int id) const {
  return tell(socket_.get(), Kind::kSegment, id);
}

void Keeper::note_directory(const std::string& path) const {
  Note note{.kind = Kind::kDirectory, .id = 0, .path = {}};
  const size_t size = path.size() + 1;  // with its zero byte
  if (size > sizeof note.path) fail("{} is too long for a path", path);
  memcpy(note.path, path.c_str(), size);
  if (!tell(socket_.get(), note, kWithoutPath + size)) fail_errno("cannot tell the keeper");
}

void Keeper::dismiss() const {
  if (is_there()) must_tell(socket_.get(), Kind::kDismissed, 0);
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
