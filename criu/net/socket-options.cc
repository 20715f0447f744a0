// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/socket-options.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>

#include "criu/base/error.h"

namespace criu::net {

namespace {

// linux/socket.h
constexpr int kBufLock = 72;  // SO_BUF_LOCK, since Linux 5.14

void note_device(image::Arena& arena, SkOptsEntry& e, int fd, const std::string& what) {
  char device[IFNAMSIZ] = {};
  socklen_t size = sizeof device;
  if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &size) < 0) {
    // It is bound to a number: sock_getbindtodevice(), net/core/sock.c.
    if (errno == ENODEV)
      fail("{}: the device that it is bound to is gone: not supported yet", what);
    fail_errno("cannot ask for the device that {} is bound to", what);
  }
  if (device[0] != '\0') e.so_bound_dev = arena.text(device);
}

// asm-generic/socket.h, of later kernels.
constexpr int kReceivePriority = 82, kPassRights = 83;

struct Number {
  int name, fresh;  // what a new socket has
};

// Numbers that the format has no fields for. Of times, the kind that was asked for last is told.
constexpr std::array kNumbers = {
    Number{SO_TIMESTAMP, 0},       Number{SO_TIMESTAMPNS, 0},      Number{SO_RXQ_OVFL, 0},
    Number{SO_BUSY_POLL, 0},       Number{SO_WIFI_STATUS, 0},      Number{SO_NOFCS, 0},
    Number{SO_ZEROCOPY, 0},        Number{SO_SELECT_ERR_QUEUE, 0}, Number{SO_PREFER_BUSY_POLL, 0},
    Number{SO_DEBUG, 0},           Number{SO_TIMESTAMPING, 0},     Number{SO_TIMESTAMP_NEW, 0},
    Number{SO_TIMESTAMPNS_NEW, 0}, Number{SO_TIMESTAMPING_NEW, 0}, Number{SO_RCVMARK, 0},
    Number{kReceivePriority, 0},   Number{kPassPidfd, 0},          Number{kPassRights, 1},
};

void read_numbers(image::Arena& arena, SkOptsEntry& e, int fd, const std::string& what) {
  std::vector<SoNumberEntry*> numbers;
  for (const auto [name, fresh] : kNumbers) {
    int value = 0;
    socklen_t size = sizeof value;
    if (!ask_option(fd, SOL_SOCKET, name, &value, size, what) || value == fresh) continue;
    auto* number = arena.make<SoNumberEntry>();
    number->name = static_cast<uint32_t>(name), number->value = static_cast<uint32_t>(value);
    numbers.push_back(number);
  }
  e.n_number = numbers.size();
  e.number = arena.copy<SoNumberEntry*>(numbers);
}

timeval get_timeout(int fd, int name, const std::string& what) {
  timeval value{};
  socklen_t size = sizeof value;
  if (getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0)
    fail_errno("cannot read option {} of {}", name, what);
  return value;
}

void set_timeout(int fd, int name, uint64_t sec, uint64_t usec, const std::string& what) {
  if (sec == 0 && usec == 0) return;
  const timeval value{static_cast<time_t>(sec), static_cast<suseconds_t>(usec)};
  if (setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) < 0)
    fail_errno("cannot set option {} of {}", name, what);
}

// One instruction, from its code on down.
uint64_t pack(const sock_filter& f) {
  return uint64_t{f.code} << 48 | uint64_t{f.jt} << 40 | uint64_t{f.jf} << 32 | f.k;
}
sock_filter unpack(uint64_t f) {
  return {static_cast<uint16_t>(f >> 48), static_cast<uint8_t>(f >> 40),
          static_cast<uint8_t>(f >> 32), static_cast<uint32_t>(f)};
}

void read_filter(image::Arena& arena, SkOptsEntry& e, int fd, const std::string& what) {
  socklen_t count = 0;  // of instructions, not bytes: SO_GET_FILTER, net/core/filter.c
  if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &count) < 0)
    fail_errno("the filter of {} is an eBPF program, or cannot be read: not supported yet", what);
  if (count == 0) return;
  std::vector<sock_filter> code(count);
  if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code.data(), &count) < 0)
    fail_errno("cannot read the filter of {}", what);
  e.n_so_filter = count;
  e.so_filter = arena.array<uint64_t>(count);
  for (size_t i = 0; i < count; i++) e.so_filter[i] = pack(code[i]);
}

void set_filter(int fd, const SkOptsEntry& e, const std::string& what) {
  if (e.n_so_filter == 0) return;
  std::vector<sock_filter> code;
  for (size_t i = 0; i < e.n_so_filter; i++) code.push_back(unpack(e.so_filter[i]));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  const auto attach = [&] {
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  };
  if (attach()) return;
  // There may be room for it alone (optmem_max): sk_filter_charge(), net/core/filter.c.
  if (errno == ENOMEM) setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, nullptr, 0);
  if (errno != ENOMEM || !attach()) fail_errno("cannot attach the filter of {}", what);
}

// Twice what is asked for is given, and shown.
void set_buffer(int fd, int forced, int plain, uint32_t size, const std::string& what) {
  const int half = static_cast<int>(size / 2);
  if (setsockopt(fd, SOL_SOCKET, forced, &half, sizeof half) < 0)
    set_option(fd, SOL_SOCKET, plain, half, what);
}

// SO_MEMINFO tells both sizes. One that the socket has by itself is not set.
void set_buffers(int fd, const SkOptsEntry& e, const std::string& what) {
  std::array<uint32_t, SK_MEMINFO_VARS> has{};
  socklen_t size = sizeof has;
  const bool is_told =
      e.has_so_buf_lock && getsockopt(fd, SOL_SOCKET, SO_MEMINFO, has.data(), &size) == 0;
  const bool sets_send = !is_told || has[SK_MEMINFO_SNDBUF] != e.so_sndbuf;
  const bool sets_receive = !is_told || has[SK_MEMINFO_RCVBUF] != e.so_rcvbuf;
  if (sets_send) set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, e.so_sndbuf, what);
  if (sets_receive) set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, e.so_rcvbuf, what);
  // To set a size locks it, which it may not have been, or it was by one who has set the same.
  if (e.has_so_buf_lock && (sets_send || sets_receive || e.so_buf_lock != 0))
    setsockopt(fd, SOL_SOCKET, kBufLock, &e.so_buf_lock, sizeof e.so_buf_lock);
}

constexpr uint32_t kCounts =
    SOF_TIMESTAMPING_OPT_ID | 1U << 16;  // SOF_TIMESTAMPING_OPT_ID_TCP, since Linux 6.2

bool is_inherited(const SoNumberEntry& number) {
  return number.name == kPassPidfd || number.name == kPassRights;
}

// A TCP socket that is no connection any more takes no order to count what it sends, which means
// nothing to it: sock_set_timestamping(), net/core/sock.c.
bool counts_for_nothing(int fd, const SoNumberEntry& number, const std::string& what) {
  if (number.name != SO_TIMESTAMPING && number.name != SO_TIMESTAMPING_NEW) return false;
  if ((number.value & kCounts) == 0) return false;
  tcp_info info{};
  socklen_t size = sizeof info;
  return ask_option(fd, IPPROTO_TCP, TCP_INFO, &info, size, what) &&
         (info.tcpi_state == TCP_CLOSE || info.tcpi_state == TCP_LISTEN);
}

void set_number(int fd, const SoNumberEntry& number, const std::string& what) {
  uint32_t value = number.value;
  if (counts_for_nothing(fd, number, what)) value &= ~kCounts;
  set_option(fd, SOL_SOCKET, static_cast<int>(number.name), static_cast<int>(value), what);
}

constexpr int kWide = 64 << 20;  // bytes

// Those that only some families have, and of these fewer since Linux 6.16; false: it has none.
bool is_on(int fd, int name, const std::string& what) {
  int value = 0;
  socklen_t size = sizeof value;
  return ask_option(fd, SOL_SOCKET, name, &value, size, what) && value != 0;
}

}  // namespace

int socket_domain(const files::OpenFile& file) {
  if (!S_ISSOCK(file.st.st_mode) || file.fd < 0 || (file.flags & O_PATH) != 0) return -1;
  int domain = -1;
  socklen_t size = sizeof domain;
  return getsockopt(file.own.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain : -1;
}

int get_option(int fd, int level, int name, const std::string& what) {
  int value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(fd, level, name, &value, &size) < 0)
    fail_errno("cannot read option {} of {}", name, what);
  return value;
}

bool ask_option(int fd, int level, int name, void* value, socklen_t& size,
                const std::string& what) {
  if (getsockopt(fd, level, name, value, &size) == 0) return true;
  // ENOTCONN: it is one of connections alone.
  for (const int none : {ENOPROTOOPT, EOPNOTSUPP, EINVAL, ENOTCONN})
    if (errno == none) return false;
  fail_errno("cannot read option {} of {}", name, what);
}

void set_option(int fd, int level, int name, int value, const std::string& what) {
  if (setsockopt(fd, level, name, &value, sizeof value) < 0)
    fail_errno("cannot set option {} of {} to {}", name, what, value);
}

InetOptionEntry* option_entry(image::Arena& arena, int level, int name, const void* value,
                              size_t size) {
  auto* option = arena.make<InetOptionEntry>();
  option->level = static_cast<uint32_t>(level), option->name = static_cast<uint32_t>(name);
  option->value = arena.bytes(value, size);
  return option;
}

std::vector<InetOptionEntry*> read_numbers(image::Arena& arena, int fd, int level,
                                           std::span<const int> names, const std::string& what) {
  std::vector<InetOptionEntry*> options;
  for (const int name : names) {
    int value = 0;
    socklen_t size = sizeof value;
    if (!ask_option(fd, level, name, &value, size, what) || value == 0) continue;
    options.push_back(option_entry(arena, level, name, &value, sizeof value));
  }
  return options;
}

void set_option(int fd, const InetOptionEntry& o, const std::string& what) {
  if (setsockopt(fd, static_cast<int>(o.level), static_cast<int>(o.name), o.value.data,
                 static_cast<socklen_t>(o.value.len)) < 0)
    fail_errno("cannot set option {} of {}", o.name, what);
}

SkOptsEntry* read_socket_options(image::Arena& arena, int fd, const std::string& what,
                                 const ToldOptions& told) {
  auto* e = arena.make<SkOptsEntry>();
  const auto get = [&](int name) {
    return static_cast<uint32_t>(get_option(fd, SOL_SOCKET, name, what));
  };
  const auto known = [&](const std::optional<uint32_t>& value, int name) {
    return value ? *value : get(name);
  };
  e->so_sndbuf = known(told.send_buffer, SO_SNDBUF);
  e->so_rcvbuf = known(told.receive_buffer, SO_RCVBUF);
  const timeval send = get_timeout(fd, SO_SNDTIMEO, what),
                recv = get_timeout(fd, SO_RCVTIMEO, what);
  e->so_snd_tmo_sec = static_cast<uint64_t>(send.tv_sec);
  e->so_snd_tmo_usec = static_cast<uint64_t>(send.tv_usec);
  e->so_rcv_tmo_sec = static_cast<uint64_t>(recv.tv_sec);
  e->so_rcv_tmo_usec = static_cast<uint64_t>(recv.tv_usec);
  CRIU_SET_OPTIONAL(e, reuseaddr, get(SO_REUSEADDR) != 0);
  CRIU_SET_OPTIONAL(e, so_priority, known(told.priority, SO_PRIORITY));
  CRIU_SET_OPTIONAL(e, so_rcvlowat, get(SO_RCVLOWAT));
  CRIU_SET_OPTIONAL(e, so_mark, known(told.mark, SO_MARK));
  CRIU_SET_OPTIONAL(e, so_dontroute, get(SO_DONTROUTE) != 0);
  CRIU_SET_OPTIONAL(e, so_no_check, get(SO_NO_CHECK) != 0);
  CRIU_SET_OPTIONAL(e, so_passcred, is_on(fd, SO_PASSCRED, what));
  CRIU_SET_OPTIONAL(e, so_passsec, is_on(fd, SO_PASSSEC, what));
  CRIU_SET_OPTIONAL(e, so_reuseport, get(SO_REUSEPORT) != 0);
  CRIU_SET_OPTIONAL(e, so_broadcast, get(SO_BROADCAST) != 0);
  CRIU_SET_OPTIONAL(e, so_keepalive, get(SO_KEEPALIVE) != 0);
  CRIU_SET_OPTIONAL(e, so_oobinline, get(SO_OOBINLINE));
  linger lingers{};
  socklen_t size = sizeof lingers;
  if (ask_option(fd, SOL_SOCKET, SO_LINGER, &lingers, size, what) && lingers.l_onoff != 0)
    CRIU_SET_OPTIONAL(e, so_linger, static_cast<uint32_t>(lingers.l_linger));
  int lock = 0;
  size = sizeof lock;
  if (ask_option(fd, SOL_SOCKET, kBufLock, &lock, size, what))
    CRIU_SET_OPTIONAL(e, so_buf_lock, static_cast<uint32_t>(lock));
  if (!told.no_device) note_device(arena, *e, fd, what);
  read_numbers(arena, *e, fd, what);
  read_filter(arena, *e, fd, what);
  if (get(SO_LOCK_FILTER) != 0) CRIU_SET_OPTIONAL(e, so_lock_filter, 1);
  return e;
}

void set_inherited_options(int fd, const SkOptsEntry& e, const std::string& what) {
  if (e.has_so_passcred && e.so_passcred) set_option(fd, SOL_SOCKET, SO_PASSCRED, 1, what);
  if (e.has_so_passsec && e.so_passsec) set_option(fd, SOL_SOCKET, SO_PASSSEC, 1, what);
  for (size_t i = 0; i < e.n_number; i++)
    if (is_inherited(*e.number[i])) set_number(fd, *e.number[i], what);
}

void set_socket_options(int fd, const SkOptsEntry& e, const std::string& what) {
  const auto set = [&](int name, bool wanted, uint32_t value) {
    if (wanted) set_option(fd, SOL_SOCKET, name, static_cast<int>(value), what);
  };
  set_buffers(fd, e, what);
  set_timeout(fd, SO_SNDTIMEO, e.so_snd_tmo_sec, e.so_snd_tmo_usec, what);
  set_timeout(fd, SO_RCVTIMEO, e.so_rcv_tmo_sec, e.so_rcv_tmo_usec, what);
  set(SO_REUSEADDR, e.has_reuseaddr && e.reuseaddr, 1);
  set(SO_PRIORITY, e.has_so_priority && e.so_priority != 0, e.so_priority);
  set(SO_RCVLOWAT, e.has_so_rcvlowat && e.so_rcvlowat != 1, e.so_rcvlowat);
  set(SO_MARK, e.has_so_mark && e.so_mark != 0, e.so_mark);
  set(SO_DONTROUTE, e.has_so_dontroute && e.so_dontroute, 1);
  set(SO_NO_CHECK, e.has_so_no_check && e.so_no_check, 1);
  set(SO_REUSEPORT, e.has_so_reuseport && e.so_reuseport, 1);
  set(SO_BROADCAST, e.has_so_broadcast && e.so_broadcast, 1);
  set(SO_KEEPALIVE, e.has_so_keepalive && e.so_keepalive, 1);
  set(SO_OOBINLINE, e.has_so_oobinline && e.so_oobinline != 0, e.so_oobinline);
  set_inherited_options(fd, e, what);
  if (e.has_so_linger) {
    const linger lingers{1, static_cast<int>(e.so_linger)};
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &lingers, sizeof lingers) < 0)
      fail_errno("cannot set SO_LINGER of {}", what);
  }
  if (const char* device = e.so_bound_dev; device != nullptr && *device != '\0')
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
                   static_cast<socklen_t>(strlen(device))) < 0)
      fail_errno("cannot bind {} to the device {}", what, device);
  for (size_t i = 0; i < e.n_number; i++)
    if (!is_inherited(*e.number[i])) set_number(fd, *e.number[i], what);
  set_filter(fd, e, what);
  set(SO_LOCK_FILTER, e.has_so_lock_filter && e.so_lock_filter, 1);
}

void widen_socket(int fd) {
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kWide, sizeof kWide);
}

void widen_receive(int fd) {
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kWide, sizeof kWide);
}

}  // namespace criu::net
