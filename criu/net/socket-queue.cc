// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/socket-queue.h"

#include <linux/sock_diag.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

constexpr size_t kMostDescriptors = 253;  // SCM_MAX_FD, net/scm.h
constexpr int kScmPidfd = 4;              // linux/socket.h, since Linux 6.5

// What the child leaves for each message, its data behind it.
struct Record {
  uint32_t size;
  uint32_t sender_size;
  char sender[sizeof(sockaddr_un)];
  Arrival arrival;
  uint32_t segment;
  uint32_t has_credentials;
  ucred credentials;
  uint32_t nr_descriptors;
  int descriptors[kMostDescriptors];
};

enum Result : int { kDone = 0, kTooSmall = 1, kFailed = 2 };

struct Shared {
  int error;
  uint32_t nr_records;
  size_t used;    // bytes, of those behind this
  size_t peeked;  // bytes of the queue
};

constexpr size_t align(size_t size) {
  return (size + alignof(Record) - 1) / alignof(Record) * alignof(Record);
}

// Memory that a child writes to for its parent.
class SharedArea {
 public:
  explicit SharedArea(size_t size) : size_(size) {
    at_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
               -1, 0);
    if (at_ == MAP_FAILED) fail_errno("cannot map shared memory");
  }
  ~SharedArea() { munmap(at_, size_); }
  SharedArea(const SharedArea&) = delete;
  SharedArea& operator=(const SharedArea&) = delete;
  Shared& head() const { return *static_cast<Shared*>(at_); }
  uint8_t* body() const { return static_cast<uint8_t*>(at_) + align(sizeof(Shared)); }
  size_t room() const { return size_ - align(sizeof(Shared)); }

 private:
  size_t size_;
  void* at_;
};

// A number as the kernel has it there: one byte, or an int.
uint32_t number_in(const cmsghdr& c) {
  uint32_t number = 0;
  memcpy(&number, CMSG_DATA(&c), std::min(sizeof number, c.cmsg_len - CMSG_LEN(0)));
  return number;
}

void note_arrival(Record& record, const cmsghdr& c) {
  Arrival& arrival = record.arrival;
  const auto is = [&](int level, int type) { return c.cmsg_level == level && c.cmsg_type == type; };
  if (is(IPPROTO_IP, IP_PKTINFO)) {
    in_pktinfo info{};
    memcpy(&info, CMSG_DATA(&c), sizeof info);
    arrival.to.v4.sin_family = AF_INET;
    arrival.to.v4.sin_addr = info.ipi_addr;
  } else if (is(IPPROTO_IPV6, IPV6_PKTINFO)) {
    in6_pktinfo info{};
    memcpy(&info, CMSG_DATA(&c), sizeof info);
    arrival.to.v6.sin6_family = AF_INET6;
    arrival.to.v6.sin6_addr = info.ipi6_addr;
    if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) arrival.to.v6.sin6_scope_id = info.ipi6_ifindex;
  } else if (is(IPPROTO_IP, IP_TTL) || is(IPPROTO_IPV6, IPV6_HOPLIMIT)) {
    arrival.hops = number_in(c);
  } else if (is(IPPROTO_IP, IP_TOS) || is(IPPROTO_IPV6, IPV6_TCLASS)) {
    arrival.traffic_class = number_in(c);
  } else if (is(IPPROTO_UDP, UDP_GRO)) {
    record.segment = number_in(c);
  }
}

void note_control(Record& record, const msghdr& message) {
  for (const cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr;
       c = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(c))) {
    if (c->cmsg_level != SOL_SOCKET) {
      note_arrival(record, *c);
      continue;
    }
    const size_t size = c->cmsg_len - CMSG_LEN(0);
    if (c->cmsg_type == SCM_CREDENTIALS) {
      record.has_credentials = 1;
      memcpy(&record.credentials, CMSG_DATA(c), sizeof(ucred));
    } else if (c->cmsg_type == SCM_RIGHTS) {
      record.nr_descriptors = static_cast<uint32_t>(size / sizeof(int));
      memcpy(record.descriptors, CMSG_DATA(c), size);
    } else if (c->cmsg_type == kScmPidfd) {
      // One more of ours, which a socket with SO_PASSPIDFD gives with each message.
      int pidfd = -1;
      memcpy(&pidfd, CMSG_DATA(c), std::min(sizeof pidfd, size));
      if (pidfd >= 0) ::close(pidfd);
    }
  }
}

// What comes next, into a record and so many bytes behind it. 0, or what is wrong (errno).
int peek_into(int fd, Record& record, size_t room) {
  record = {};
  sockaddr_un sender{};
  alignas(cmsghdr) char
      control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * kMostDescriptors) + 512];
  iovec data{&record + 1, room};
  msghdr message{};
  message.msg_name = &sender, message.msg_namelen = sizeof sender;
  message.msg_iov = &data, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  const ssize_t size = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return errno;
  if ((message.msg_flags & MSG_TRUNC) != 0) return ENOBUFS;
  if ((message.msg_flags & MSG_CTRUNC) != 0) return EOVERFLOW;
  record.size = static_cast<uint32_t>(size);
  record.sender_size = static_cast<uint32_t>(std::min<size_t>(message.msg_namelen, sizeof sender));
  memcpy(record.sender, &sender, record.sender_size);
  note_control(record, message);
  return 0;
}

// How many bytes of a stream's record were sent before those that its descriptors came with: the
// kernel reads on until it has descriptors (unix_stream_read_generic(), net/unix/af_unix.c). It
// copies what was sent at once, or none of it (skb_copy_datagram_iter()). Where the last byte of
// the record finds no memory that can be written to, all comes but what has that byte.
int count_before_descriptors(int fd, const Record& record, uint32_t& before) {
  int end = 0;
  socklen_t size = sizeof end;
  if (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &end, &size) < 0) return errno;
  const int start = end - static_cast<int>(record.size);
  if (setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &start, sizeof start) < 0) return errno;
  constexpr size_t kPage = 4096;
  const size_t room = (record.size + kPage - 1) / kPage * kPage;
  void* memory = mmap(nullptr, room + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, room, PROT_READ | PROT_WRITE) < 0) return errno;
  iovec data{static_cast<uint8_t*>(memory) + room - (record.size - 1), record.size};
  msghdr message{};
  message.msg_iov = &data, message.msg_iovlen = 1;
  const ssize_t got = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && errno != EFAULT) return errno;
  before = got < 0 ? 0 : static_cast<uint32_t>(got);
  munmap(memory, room + kPage);
  return setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &end, sizeof end) < 0 ? errno : 0;
}

Record& next_record(const SharedArea& area) {
  return *reinterpret_cast<Record*>(area.body() + area.head().used);
}

void append(Shared& head, const Record& record) {
  head.used += align(sizeof(Record) + record.size);
  head.nr_records++;
  head.peeked += record.size;
}

// The next message, behind what there is; in the child. Nothing more: EAGAIN.
int peek_next(int fd, const SharedArea& area, bool is_stream) {
  Shared& head = area.head();
  const size_t room = area.room() - head.used;
  if (room < sizeof(Record) + 1) return ENOBUFS;
  Record& record = next_record(area);
  if (const int error = peek_into(fd, record, room - sizeof(Record)); error != 0) return error;
  if (room < 2 * sizeof(Record) + record.size + alignof(Record)) return ENOBUFS;
  if (is_stream && record.nr_descriptors != 0) {
    uint32_t before = 0;
    if (const int error = count_before_descriptors(fd, record, before); error != 0) return error;
    if (before != 0) {
      const Record whole = record;
      const auto* data = reinterpret_cast<const uint8_t*>(&record + 1);
      const std::vector<uint8_t> rest(data + before, data + whole.size);
      record.size = before, record.nr_descriptors = 0;
      append(head, record);
      Record& last = next_record(area);
      last = whole, last.size = whole.size - before;
      memcpy(&last + 1, rest.data(), rest.size());
      append(head, last);
      return 0;
    }
  }
  append(head, record);
  return 0;
}

// An option that has another value for as long as this lives; in the child.
class Switched {
 public:
  Switched(int fd, const Telling& option, int value) : fd_(fd), option_(option) {
    socklen_t size = sizeof before_;
    if (getsockopt(fd, option.level, option.name, &before_, &size) < 0 ||
        setsockopt(fd, option.level, option.name, &value, sizeof value) < 0)
      error_ = errno;
  }
  ~Switched() {
    if (error_ == 0) setsockopt(fd_, option_.level, option_.name, &before_, sizeof before_);
  }
  Switched(const Switched&) = delete;
  Switched& operator=(const Switched&) = delete;
  int error() const { return error_; }

 private:
  int fd_;
  Telling option_;
  int before_ = 0;
  int error_ = 0;
};

// length: where a datagram socket has none, its end shows by itself. To ask once too often would
// take an error from the task that it is to have when it has read all.
//
// What is passed over when it is looked at (MSG_OOB) counts all the same: the length is not
// reached. Of empty messages there may be some on the way.
int peek_with_offset(int fd, const SharedArea& area, std::optional<size_t> length, bool is_stream) {
  const Switched offset(fd, {SOL_SOCKET, SO_PEEK_OFF}, 0);
  constexpr int kMostEmpty = 1000;
  int error = offset.error();
  for (int empty = 0; error == 0 && empty <= kMostEmpty;) {
    const size_t peeked = area.head().peeked;
    if (length && peeked >= *length) return EAGAIN;
    error = peek_next(fd, area, is_stream);
    empty = length && area.head().peeked == peeked ? empty + 1 : 0;
  }
  return error == 0 ? ENODATA : error;
}

// Options that do not come on tell nothing.
int peek_telling(int fd, const SharedArea& area, std::optional<size_t> length, bool is_stream,
                 std::span<const Telling> telling) {
  if (telling.empty()) return peek_with_offset(fd, area, length, is_stream);
  const Switched on(fd, telling.front(), 1);
  return peek_telling(fd, area, length, is_stream, telling.subspan(1));
}

int peek_all(int fd, const SharedArea& area, std::optional<size_t> length, bool is_stream,
             std::span<const Telling> telling) {
  const int error = peek_telling(fd, area, length, is_stream, telling);
  area.head().error = error;
  if (error == EAGAIN) return kDone;
  return error == ENOBUFS ? kTooSmall : kFailed;
}

std::vector<Packet> packets_of(const SharedArea& area) {
  std::vector<Packet> packets(area.head().nr_records);
  const uint8_t* at = area.body();
  for (Packet& packet : packets) {
    const auto& record = *reinterpret_cast<const Record*>(at);
    const auto* data = reinterpret_cast<const uint8_t*>(&record + 1);
    packet.data.assign(data, data + record.size);
    packet.sender.assign(record.sender, record.sender_size);
    packet.arrival = record.arrival;
    packet.segment = record.segment;
    if (record.has_credentials != 0) packet.credentials = record.credentials;
    for (size_t i = 0; i < record.nr_descriptors; i++)
      packet.descriptors.emplace_back(record.descriptors[i]);
    at += align(sizeof(Record) + record.size);
  }
  return packets;
}

// To look again for want of room would pass over what is empty. The kernel counts more than a third
// of what a record is for each message, where it counts them for the receiver.
size_t room_for(int fd) {
  constexpr size_t kLeast = size_t{16} << 20;  // bytes
  std::array<uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) < 0) return kLeast;
  return std::max(kLeast, size_t{3} * memory[SK_MEMINFO_RMEM_ALLOC]);
}

// Whoever looks is told of it first, and it is gone; of a stream behind the data alone.
void must_have_no_error(int fd, const std::string& who) {
  pollfd p{fd, 0, 0};
  if (poll(&p, 1, 0) < 0) fail_errno("cannot poll {}", who);
  if ((p.revents & POLLERR) != 0)
    fail_for_now(
        "{}: an error waits to be told (SO_ERROR), which to look into its queue would take", who);
}

}  // namespace

std::vector<Packet> peek_queue(int fd, const std::string& who, std::span<const Telling> telling) {
  std::optional<size_t> length;
  const int type = get_option(fd, SOL_SOCKET, SO_TYPE, who);
  if (int queued = 0; type != SOCK_DGRAM) {
    if (ioctl(fd, FIONREAD, &queued) < 0) fail_errno("cannot ask for the queue of {}", who);
    if (queued == 0) return {};
    length = static_cast<size_t>(queued);
  }
  if (type != SOCK_STREAM) must_have_no_error(fd, who);
  constexpr size_t kMost = size_t{1} << 30;  // bytes
  for (size_t size = room_for(fd); size <= kMost; size *= 8) {
    const SharedArea area(size);
    const int result =
        run_in_child([&] { return peek_all(fd, area, length, type == SOCK_STREAM, telling); });
    std::vector<Packet> packets = packets_of(area);
    if (result == kDone) return packets;
    errno = area.head().error;
    if (result == kFailed && errno == ENODATA)
      fail_for_now("{}: its queue has more than it shows (MSG_OOB): not supported yet", who);
    if (result == kFailed && errno == EOVERFLOW)
      fail("{}: more descriptors are under way in its queue than this process may have open", who);
    if (result == kFailed) fail_errno("cannot look into the queue of {}", who);
  }
  fail("the queue of {} is too long", who);
}

}  // namespace criu::net
