// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/keeper.h"

#include <signal.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/service-fds.h"
#include "criu/task/spare-pids.h"

namespace criu {

namespace {

// What the keeper is told, each a message.
struct Note {
  enum class Kind { kTask, kSegment, kDismissed } kind;
  int id;
};

bool tell(int socket, Note::Kind kind, int id) {
  const Note note{kind, id};
  ssize_t n = 0;
  while ((n = send(socket, &note, sizeof note, MSG_NOSIGNAL)) < 0 && errno == EINTR) continue;
  return n == sizeof note;
}

void must_tell(int socket, Note::Kind kind, int id) {
  if (!tell(socket, kind, id)) fail_errno("cannot tell the keeper");
}

// What is sent to the group of criu, from a terminal for example, is not for the keeper; nor does
// it hold anybody's files.
[[noreturn]] void keep(int socket) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  if (socket > 0) close_range(0, static_cast<unsigned>(socket - 1), 0);
  close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
  std::vector<Note> notes;
  Note note{};
  ssize_t n = 0;
  while ((n = recv(socket, &note, sizeof note, 0)) == sizeof note || (n < 0 && errno == EINTR)) {
    if (n < 0) continue;
    if (note.kind == Note::Kind::kDismissed) _exit(0);
    notes.push_back(note);
  }
  for (const Note& e : notes) {
    if (e.kind == Note::Kind::kTask) kill(e.id, SIGKILL);
    if (e.kind == Note::Kind::kSegment) shmctl(e.id, IPC_RMID, nullptr);
  }
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
  must_tell(socket_.get(), Note::Kind::kTask, tid);
}

bool Keeper::note_segment(int id) const {
  return tell(socket_.get(), Note::Kind::kSegment, id);
}

void Keeper::dismiss() const {
  if (is_there()) must_tell(socket_.get(), Note::Kind::kDismissed, 0);
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
