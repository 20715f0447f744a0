// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/handover.h"

#include <sys/socket.h>

#include <cstring>

#include "criu/base/error.h"

namespace criu::files {

namespace {

// A message of one byte, with room for one descriptor.
struct Message {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};

  Message() {
    header.msg_iov = &part, header.msg_iovlen = 1;
    header.msg_control = control, header.msg_controllen = sizeof control;
  }
};

void send(int socket, int fd) {
  Message message;
  if (fd < 0) {
    message.header.msg_controllen = 0;
  } else {
    cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET, rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  if (sendmsg(socket, &message.header, MSG_NOSIGNAL) != 1)
    fail_errno("cannot hand on a descriptor");
}

UniqueFd receive(int socket) {
  Message message;
  ssize_t n = 0;
  do n = recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n != 1) fail_errno("cannot take over a descriptor");
  const cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
  if (rights == nullptr) return {};
  int fd = -1;
  memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace

Handover::Handover(const ServiceFds& fds) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    fail_errno("cannot make a pair of sockets");
  in_.reset(ends[0]), out_.reset(ends[1]);
  in_ = fds.raise(std::move(in_));
  out_ = fds.raise(std::move(out_));
  send(out_.get(), -1);
}

UniqueFd Handover::get(const std::function<UniqueFd()>& open) const {
  UniqueFd fd = receive(in_.get());
  if (!fd) fd = open();
  send(out_.get(), fd.get());
  return fd;
}

}  // namespace criu::files
