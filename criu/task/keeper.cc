// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/keeper.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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

enum class Kind { kTask, kSegment, kDirectory, kConnections, kDismissed, kReady };

// What the keeper is told, each a message; a path stands behind it, or descriptors come with it. It
// says itself that it is ready.
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

// Of one message: the kernel takes 253 (SCM_MAX_FD of net/scm.h).
constexpr size_t kMostDescriptors = 200;
using DescriptorSpace = std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))>;

bool tell_of(int socket, std::span<const int> fds) {
  Note note{Kind::kConnections, static_cast<int>(fds.size())};
  iovec part{&note, sizeof note};
  alignas(cmsghdr) DescriptorSpace space{};
  msghdr message{};
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = space.data(), message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(fds.size_bytes());
  memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
  ssize_t n = 0;
  while ((n = sendmsg(socket, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) continue;
  return n == sizeof note;
}

// What is to be undone.
struct Kept {
  std::vector<int> tasks, segments, connections;
  std::vector<std::string> directories;

  void add(Note note, std::string_view path) {
    if (note.kind == Kind::kTask) tasks.push_back(note.id);
    if (note.kind == Kind::kSegment) segments.push_back(note.id);
    if (note.kind == Kind::kDirectory) directories.emplace_back(path);
  }
  void add(msghdr& message) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int), before = connections.size();
      connections.resize(before + count);
      memcpy(connections.data() + before, CMSG_DATA(c), count * sizeof(int));
    }
  }
  void undo() const {
    const int on = TCP_REPAIR_ON;
    for (const int fd : connections) setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
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
  for (;;) {
    Note note{};
    char path[PATH_MAX];
    alignas(cmsghdr) DescriptorSpace descriptors{};
    iovec parts[] = {{&note, sizeof note}, {path, sizeof path}};
    msghdr message{};
    message.msg_iov = parts, message.msg_iovlen = std::size(parts);
    message.msg_control = descriptors.data(), message.msg_controllen = descriptors.size();
    const ssize_t n = recvmsg(socket, &message, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    if (note.kind == Kind::kDismissed) _exit(0);
    kept.add(note, {path, static_cast<size_t>(n) - sizeof note});
    if (note.kind != Kind::kConnections) continue;
    kept.add(message);
    tell(socket, {Kind::kReady, 0});
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
  await_ready();
}

void Keeper::await_ready() const {
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

// Some at a time, each taken before the next are sent: how many may be on the way is limited
// (unix(7), ETOOMANYREFS).
void Keeper::note_connections(std::span<const int> fds) const {
  while (!fds.empty()) {
    const std::span<const int> some = fds.first(std::min(fds.size(), kMostDescriptors));
    if (!tell_of(socket_.get(), some)) fail_errno("cannot tell the keeper of connections");
    await_ready();
    fds = fds.subspan(some.size());
  }
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
