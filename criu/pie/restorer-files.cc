// SPDX-License-Identifier: GPL-2.0-only
//
// The restorer's part that gives descriptors what they need when all threads exist.

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "criu/pie/restorer-common.h"

namespace criu::pie {

namespace {

constexpr int32_t kSolSocket = 1, kScmRights = 1, kMsgNoSignal = 0x4000,
                  kMsgCmsgCloexec = 0x40000000;

// What a file that several tasks have goes round in (files::Handover): a message of one byte, with
// one descriptor or none. As the kernel has it: struct user_msghdr, include/linux/socket.h, and
// unix(7) SCM_RIGHTS.
struct DescriptorMessage {
  void* name = nullptr;
  int32_t name_size = 0;
  IoVec* parts;
  uint64_t nr_parts = 1;
  void* control;
  uint64_t control_size;
  uint32_t flags = 0;

  uint8_t byte = 0;
  IoVec part{reinterpret_cast<uint64_t>(&byte), 1};
  struct {
    uint64_t size;  // without the padding
    int32_t level, type;
    int32_t fd, padding;
  } rights;

  // fd: to be sent, or -1; to receive, the room for one is what counts.
  explicit DescriptorMessage(int32_t fd)
      : parts(&part),
        control(&rights),
        control_size(sizeof rights),
        rights{sizeof rights - sizeof rights.padding, kSolSocket, kScmRights, fd, 0} {}
  DescriptorMessage(const DescriptorMessage&) = delete;
  DescriptorMessage& operator=(const DescriptorMessage&) = delete;
};

long open_thread(const ThreadFile& f) {
  if (f.in < 0) return ::pie::syscall(__NR_pidfd_open, f.tid, f.flags);
  DescriptorMessage come(-1);
  const long got = ::pie::syscall(__NR_recvmsg, f.in, &come, kMsgCmsgCloexec);
  if (got < 0) return got;
  long fd = come.control_size != 0 ? come.rights.fd : -1;
  if (fd < 0) fd = ::pie::syscall(__NR_pidfd_open, f.tid, f.flags);
  if (fd < 0) return fd;
  const DescriptorMessage onwards(static_cast<int32_t>(fd));
  const long sent = ::pie::syscall(__NR_sendmsg, f.out, &onwards, kMsgNoSignal);
  return sent < 0 ? sent : fd;
}

}  // namespace

void restore_thread_files(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_thread_files; i++) {
    const ThreadFile& f = args->thread_files[i];
    const auto number = static_cast<uint64_t>(f.fd);
    const bool anew = f.like < 0;
    const long fd = anew ? open_thread(f) : f.like;
    must(args, fd, kStepThreadFile, number);
    if (fd == f.fd) {
      must(args, ::pie::syscall(__NR_fcntl, fd, F_SETFD, f.close_on_exec != 0 ? FD_CLOEXEC : 0),
           kStepThreadFile, number);
      continue;
    }
    must(args, ::pie::syscall(__NR_dup3, fd, f.fd, f.close_on_exec != 0 ? O_CLOEXEC : 0),
         kStepThreadFile, number);
    if (anew) ::pie::syscall(__NR_close, fd);
  }
}

// The kernel remembers the ids of who sets an owner, and checks them against those of the receiver.
// An owner that has ended, as one outside of the tree may have by now, is nobody: fs/fcntl.c,
// f_getown().
void restore_owners(RestorerArgs* args) {
  uint32_t uid = 0, euid = 0, suid = 0;
  ::pie::syscall(__NR_getresuid, &uid, &euid, &suid);
  for (uint64_t i = 0; i < args->nr_owners; i++) {
    const FileOwner& o = args->owners[i];
    const auto fd = static_cast<uint64_t>(o.fd);
    if (o.signal != 0)
      must(args, ::pie::syscall(__NR_fcntl, o.fd, F_SETSIG, o.signal), kStepOwner, fd);
    if (o.pid != 0) {
      const bool other = o.uid != uid || o.euid != euid;
      if (other) must(args, ::pie::syscall(__NR_setresuid, o.uid, o.euid, -1), kStepOwner, fd);
      const f_owner_ex owner = {o.type, o.pid};
      const long is_set = ::pie::syscall(__NR_fcntl, o.fd, F_SETOWN_EX, &owner);
      if (is_set != -ESRCH) must(args, is_set, kStepOwner, fd);
      if (other) must(args, ::pie::syscall(__NR_setresuid, uid, euid, -1), kStepOwner, fd);
    }
    if (o.async == 0) continue;
    const long flags = ::pie::syscall(__NR_fcntl, o.fd, F_GETFL);
    must(args, flags, kStepOwner, fd);
    must(args, ::pie::syscall(__NR_fcntl, o.fd, F_SETFL, flags | FASYNC), kStepOwner, fd);
  }
}

void restore_locks(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_locks; i++) {
    const FileLock& l = args->locks[i];
    struct flock lock = {};
    lock.l_type = l.type, lock.l_whence = 0, lock.l_start = l.start, lock.l_len = l.length;
    must(args, ::pie::syscall(__NR_fcntl, l.fd, F_SETLK, &lock), kStepFileLock,
         static_cast<uint64_t>(l.fd));
  }
}

}  // namespace criu::pie
