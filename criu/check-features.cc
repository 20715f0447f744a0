// SPDX-License-Identifier: GPL-2.0-only
//
// The features that other programs ask for by CRIU's names. Each probe asks the kernel itself, by
// the call that the feature is about; where the kernel would have to do something that lasts, it is
// given an argument that it refuses only after it has recognised the call.

#include "criu/check-features.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/if_tun.h>
#include <linux/inet_diag.h>
#include <linux/kcmp.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"
#include "criu/mm/pagemap.h"

namespace criu {

std::string errno_text(const char* what) {
  return fmt::format("{}: {}", what, strerror(errno));
}

namespace {

// From headers newer than Debian 12's, or of no header of its own.
constexpr unsigned long kSiocGskNs = 0x894C;     // SIOCGSKNS, linux/sockios.h
constexpr unsigned long kSiocUnixFile = 0x89E0;  // SIOCUNIXFILE, linux/un.h
constexpr int kSoBufLock = 72;                   // SO_BUF_LOCK, asm-generic/socket.h
constexpr int kIpv6Freebind = 78;                // IPV6_FREEBIND, linux/in6.h
constexpr int kArchMapVdso32 = 0x2002, kArchMapVdso64 = 0x2003;  // asm/prctl.h
constexpr int kTimerCreateRestoreIds = 77, kTimerIdsGet = 2;     // linux/prctl.h, Linux 6.15
constexpr int kSysMoveMount = 429, kMoveMountSetGroup = 0x100;   // linux/mount.h, Linux 5.15
constexpr unsigned kPageIsGuard = 1 << 8;                        // linux/fs.h, Linux 6.15
constexpr uint16_t kTargetNetnsid = 46, kNewIfindex = 49;        // linux/if_link.h
constexpr size_t kPage = 4096;

std::string ok_if(bool there, const char* why) {
  return there ? "" : why;
}

std::string has_file(const std::string& path) {
  return access(path.c_str(), F_OK) == 0 ? "" : fmt::format("{} does not exist", path);
}

bool has_line(const std::string& path, std::string_view word) {
  bool found = false;
  proc::each_line(read_file(path), [&](std::string_view line) {
    found = found || line.find(word) != std::string_view::npos;
  });
  return found;
}

std::string fdinfo_has(int fd, std::string_view word) {
  if (fd < 0) return errno_text("making a descriptor");
  return has_line(fmt::format("/proc/self/fdinfo/{}", fd), word)
             ? ""
             : fmt::format("/proc/PID/fdinfo does not show {}", word);
}

std::string probe_mnt_id() {
  const UniqueFd fd(open("/", O_RDONLY | O_CLOEXEC));
  return fdinfo_has(fd.get(), "mnt_id:");
}

std::string probe_timerfd() {
  const UniqueFd fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  return fdinfo_has(fd.get(), "clockid:");
}

std::string probe_fdinfo_lock() {
  const UniqueFd fd(open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (!fd || flock(fd.get(), LOCK_EX) < 0) return errno_text("locking a file");
  return fdinfo_has(fd.get(), "lock:");
}

// A page that was written to is marked after the marks have been cleared: proc(5), clear_refs.
std::string probe_mem_track() {
  void* p = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return errno_text("mmap");
  auto* page = static_cast<volatile char*>(p);
  const auto is_marked = [&] {
    constexpr uint64_t kSoftDirty = 1ULL << 55;
    uint64_t entry = 0;
    const UniqueFd fd(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    const auto at = static_cast<off_t>(reinterpret_cast<uint64_t>(p) / kPage * sizeof entry);
    return pread(fd.get(), &entry, sizeof entry, at) == sizeof entry && (entry & kSoftDirty) != 0;
  };
  page[0] = 1;
  const UniqueFd clear(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  const bool cleared = write(clear.get(), "4", 1) == 1 && !is_marked();
  page[0] = 2;
  const bool marked = is_marked();
  munmap(p, kPage);
  return ok_if(cleared && marked, "written pages are not marked (CONFIG_MEM_SOFT_DIRTY)");
}

// The ring is known to the kernel by its address, which has to follow it.
std::string probe_aio_remap() {
  aio_context_t ring = 0;
  if (syscall(SYS_io_setup, 1, &ring) < 0) return errno_text("io_setup");
  void* to = mmap(nullptr, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* moved =
      mremap(reinterpret_cast<void*>(ring), kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, to);
  if (moved != MAP_FAILED) ring = reinterpret_cast<aio_context_t>(moved);
  const bool there =
      moved != MAP_FAILED && syscall(SYS_io_getevents, ring, 0, 1, nullptr, nullptr) == 0;
  syscall(SYS_io_destroy, ring);
  return ok_if(there, "an AIO ring cannot be moved");
}

std::string probe_tun() {
  const UniqueFd fd(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  return fd ? "" : errno_text("/dev/net/tun");
}

std::string namespace_of(int fd, const char* what) {
  if (fd < 0) return errno_text(what);
  const UniqueFd ns(ioctl(fd, kSiocGskNs));
  return ns ? "" : errno_text("SIOCGSKNS");
}

std::string probe_tun_ns() {
  const UniqueFd fd(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  return namespace_of(fd.get(), "/dev/net/tun");
}

std::string probe_sk_ns() {
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return namespace_of(fd.get(), "socket");
}

// One without a path has no file: ENOENT, where the call is known.
std::string probe_sk_unix_file() {
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd file(ioctl(fd.get(), kSiocUnixFile));
  return file || errno == ENOENT ? "" : errno_text("SIOCUNIXFILE");
}

// A child under ptrace(2) that has stopped, for what can only be asked of one.
template <typename F>
std::string with_stopped_child(F&& ask) {
  const pid_t child = fork();
  if (child < 0) return errno_text("fork");
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    _exit(0);
  }
  std::string why = "a child could not be traced";
  if (waitpid(child, nullptr, __WALL) == child) why = ask(child);
  kill(child, SIGKILL);
  waitpid(child, nullptr, __WALL);
  return why;
}

std::string probe_seccomp_suspend() {
  return with_stopped_child([](pid_t child) {
    return ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_SUSPEND_SECCOMP) == 0
               ? ""
               : errno_text("PTRACE_O_SUSPEND_SECCOMP");
  });
}

// There is no filter: EINVAL or ENOENT where filters can be read.
std::string probe_seccomp_filters() {
  return with_stopped_child([](pid_t child) {
    const long rc =
        ptrace(static_cast<__ptrace_request>(PTRACE_SECCOMP_GET_FILTER), child, 0, nullptr);
    return rc >= 0 || errno == EINVAL || errno == ENOENT ? ""
                                                         : errno_text("PTRACE_SECCOMP_GET_FILTER");
  });
}

std::string probe_rseq_conf() {
  return with_stopped_child([](pid_t child) {
    __ptrace_rseq_configuration conf{};
    const long rc = ptrace(static_cast<__ptrace_request>(PTRACE_GET_RSEQ_CONFIGURATION), child,
                           sizeof conf, &conf);
    return rc == sizeof conf ? "" : errno_text("PTRACE_GET_RSEQ_CONFIGURATION");
  });
}

std::string probe_breakpoints() {
  return with_stopped_child([](pid_t child) {
    const long rc = ptrace(PTRACE_POKEUSER, child, offsetof(user, u_debugreg), &errno);
    return rc == 0 ? "" : errno_text("setting a debug register");
  });
}

std::string probe_loginuid() {
  const UniqueFd fd(open("/proc/self/loginuid", O_RDWR | O_CLOEXEC));
  return fd ? "" : errno_text("/proc/self/loginuid");
}

std::string probe_autofs() {
  return ok_if(has_line("/proc/filesystems", "\tautofs"), "this kernel has no autofs");
}

// Two ends of a connection on the loopback device; one is shut down, then repaired: tcp(7).
std::string probe_tcp_half_closed() {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in addr{};
  addr.sin_family = AF_INET;
  addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof addr;
  auto* sa = reinterpret_cast<sockaddr*>(&addr);
  if (bind(listener.get(), sa, size) < 0 || listen(listener.get(), 1) < 0 ||
      getsockname(listener.get(), sa, &size) < 0)
    return errno_text("listening on the loopback device");
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(client.get(), sa, size) < 0) return errno_text("connecting on the loopback device");
  shutdown(client.get(), SHUT_WR);
  const int on = 1;
  return setsockopt(client.get(), SOL_TCP, TCP_REPAIR, &on, sizeof on) == 0
             ? ""
             : errno_text("TCP_REPAIR");
}

// This process has a vDSO: EEXIST, where one could be mapped.
std::string probe_map_vdso(int code) {
  return syscall(SYS_arch_prctl, code, 0) < 0 && errno == EEXIST ? "" : errno_text("arch_prctl");
}

std::string probe_uffd(uint64_t features) {
  const UniqueFd fd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC)));
  if (!fd) return errno_text("userfaultfd");
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = features;
  return ioctl(fd.get(), UFFDIO_API, &api) == 0 ? "" : errno_text("UFFDIO_API");
}

// What a netlink socket answers to one request: 0, or -errno.
int netlink_error(int protocol, nlmsghdr* request) {
  const UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd || send(fd.get(), request, request->nlmsg_len, 0) < 0) return -errno;
  alignas(nlmsghdr) char answer[8192];
  const ssize_t n = recv(fd.get(), answer, sizeof answer, 0);
  if (n < static_cast<ssize_t>(sizeof(nlmsghdr))) return -EBADMSG;
  const auto* head = reinterpret_cast<const nlmsghdr*>(answer);
  return head->nlmsg_type == NLMSG_ERROR ? static_cast<const nlmsgerr*>(NLMSG_DATA(head))->error
                                         : 0;
}

std::string probe_net_diag_raw() {
  struct {
    nlmsghdr head;
    inet_diag_req_v2 diag;
  } request{};
  request.head = {sizeof request, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0};
  request.diag.sdiag_family = AF_INET;
  request.diag.sdiag_protocol = IPPROTO_RAW;
  request.diag.idiag_states = ~0U;
  const int error = netlink_error(NETLINK_SOCK_DIAG, &request.head);
  return error == 0 ? "" : fmt::format("sock_diag of raw sockets: {}", strerror(-error));
}

// The id that this network namespace has in itself; no id is an answer, too.
std::string probe_nsid() {
  struct {
    nlmsghdr head;
    rtgenmsg gen;
    alignas(NLMSG_ALIGNTO) rtattr attribute;
    uint32_t pid;
  } request{};
  request.head = {sizeof request, RTM_GETNSID, NLM_F_REQUEST, 1, 0};
  request.attribute = {RTA_LENGTH(sizeof request.pid), 2};  // NETNSA_PID, linux/net_namespace.h
  request.pid = static_cast<uint32_t>(getpid());
  const int error = netlink_error(NETLINK_ROUTE, &request.head);
  return error == 0 ? "" : fmt::format("RTM_GETNSID: {}", strerror(-error));
}

// What the kernel says to a field of the loopback device that it can only refuse; one that does not
// know the field passes over it.
std::string probe_link_attribute(uint16_t request_type, uint16_t type, int32_t value) {
  struct {
    nlmsghdr head;
    ifinfomsg info;
    rtattr attribute;
    int32_t value;
  } request{};
  request.head = {sizeof request, request_type, NLM_F_REQUEST | NLM_F_ACK, 1, 0};
  request.info.ifi_index = 1;
  request.attribute = {RTA_LENGTH(sizeof request.value), type};
  request.value = value;
  const int error = netlink_error(NETLINK_ROUTE, &request.head);
  return error == -EINVAL || error == -ERANGE ? "" : "this kernel does not know the field";
}

std::string probe_kcmp_epoll() {
  const UniqueFd set(epoll_create1(EPOLL_CLOEXEC));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return errno_text("pipe2");
  const UniqueFd reader(ends[0]), writer(ends[1]);
  epoll_event event{};
  epoll_ctl(set.get(), EPOLL_CTL_ADD, reader.get(), &event);
  kcmp_epoll_slot slot{static_cast<uint32_t>(set.get()), static_cast<uint32_t>(reader.get()), 0};
  const pid_t self = getpid();
  return syscall(SYS_kcmp, self, self, KCMP_EPOLL_TFD, reader.get(), &slot) == 0
             ? ""
             : errno_text("kcmp of epoll sets");
}

std::string probe_netfilter() {
  const UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd) return errno_text("a netfilter socket");
  struct {
    nlmsghdr head;
    uint8_t family, version;
    uint16_t resource;
  } request{};
  constexpr uint16_t kNftables = 10, kGetGeneration = 16;  // NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
  request.head = {sizeof request, kNftables << 8 | kGetGeneration, NLM_F_REQUEST, 1, 0};
  const int error = netlink_error(NETLINK_NETFILTER, &request.head);
  return error == 0 ? "" : fmt::format("nftables: {}", strerror(-error));
}

std::string probe_ipt_legacy() {
  return ok_if(access("/proc/net/ip_tables_names", F_OK) == 0, "no legacy iptables in this kernel");
}

std::string probe_pidfd_store() {
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!pidfd) return errno_text("pidfd_open");
  const UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), pidfd.get(), 0)));
  return fd ? "" : errno_text("pidfd_getfd");
}

std::string probe_ns_pid() {
  return ok_if(has_line("/proc/self/status", "NSpid:"), "/proc/PID/status has no NSpid");
}

std::string probe_apparmor_stacking() {
  return has_file("/sys/kernel/security/apparmor/features/domain/stack");
}

std::string probe_socket_option(int family, int level, int option) {
  const UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno_text("socket");
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd.get(), level, option, &value, &size) == 0 ? "" : errno_text("getsockopt");
}

std::string probe_memfd_hugetlb() {
  const UniqueFd fd(memfd_create("check", MFD_CLOEXEC | MFD_HUGETLB));
  return fd ? "" : errno_text("memfd_create with MFD_HUGETLB");
}

// Descriptors that are none: EBADF where the flag is known, EINVAL where it is not.
std::string probe_move_mount() {
  const long rc = syscall(kSysMoveMount, -1, "", -1, "", kMoveMountSetGroup | 0x44);
  return rc < 0 && errno == EBADF ? "" : errno_text("move_mount with MOVE_MOUNT_SET_GROUP");
}

std::string probe_openat2() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  const UniqueFd fd(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how)));
  return fd ? "" : errno_text("openat2");
}

std::string probe_timer_ids() {
  return prctl(kTimerCreateRestoreIds, kTimerIdsGet, 0, 0, 0) >= 0
             ? ""
             : errno_text("PR_TIMER_CREATE_RESTORE_IDS");
}

std::string probe_guard_pages() {
  return ok_if(mm::PagemapScanner::kernel_can_scan(kPageIsGuard),
               "PAGEMAP_SCAN does not tell guard pages (Linux 6.15 does)");
}

// Whether a mapping of an overlay's file shows the device and inode that stat(2) gives. In a mount
// namespace of its own, below a directory that every machine has. Ends with 0 if so.
int map_of_overlay() {
  constexpr const char* kOptions = "lowerdir=/tmp/l,upperdir=/tmp/u,workdir=/tmp/w";
  if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
      mount("none", "/tmp", "tmpfs", 0, nullptr) < 0)
    return 1;
  for (const char* dir : {"/tmp/l", "/tmp/u", "/tmp/w", "/tmp/m"}) mkdir(dir, 0700);
  const UniqueFd lower(open("/tmp/l/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lower || ftruncate(lower.get(), kPage) < 0 ||
      mount("overlay", "/tmp/m", "overlay", 0, kOptions) < 0)
    return 1;
  const UniqueFd fd(open("/tmp/m/file", O_RDONLY | O_CLOEXEC));
  struct stat st {};
  if (!fd || fstat(fd.get(), &st) < 0) return 1;
  if (mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, fd.get(), 0) == MAP_FAILED) return 1;
  return has_line("/proc/self/maps",
                  fmt::format("{:02x}:{:02x} {} ", major(st.st_dev), minor(st.st_dev), st.st_ino))
             ? 0
             : 1;
}

std::string probe_overlayfs_maps() {
  const pid_t child = fork();
  if (child < 0) return errno_text("fork");
  if (child == 0) _exit(map_of_overlay());
  int status = 0;
  waitpid(child, &status, 0);
  return ok_if(status == 0, "mappings of overlay files do not show what stat(2) gives");
}

std::string probe_namespace(const char* name) {
  return has_file(std::string("/proc/self/ns/") + name);
}

constexpr uint64_t kNoncoop = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |
                              UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMOVE;

const Feature kFeatures[] = {
    {"mnt_id", "which mount a file was opened on", Need::kExtra, probe_mnt_id},
    {"mem_dirty_track", "which pages were written to", Need::kExtra, probe_mem_track},
    {"aio_remap", "AIO rings", Need::kExtra, probe_aio_remap},
    {"timerfd", "timers by descriptors", Need::kExtra, probe_timerfd},
    {"tun", "network tunnels", Need::kExtra, probe_tun},
    {"tun_ns", "the namespaces of tunnels", Need::kExperimental, probe_tun_ns},
    {"userns", "user namespaces", Need::kExtra, [] { return probe_namespace("user"); }},
    {"fdinfo_lock", "locks of files", Need::kExtra, probe_fdinfo_lock},
    {"seccomp_suspend", "seccomp", Need::kExtra, probe_seccomp_suspend},
    {"seccomp_filters", "the filters of seccomp", Need::kExtra, probe_seccomp_filters},
    {"loginuid", "the audit user", Need::kExtra, probe_loginuid},
    {"cgroupns", "cgroup namespaces", Need::kExtra, [] { return probe_namespace("cgroup"); }},
    {"autofs", "automounts", Need::kExperimental, probe_autofs},
    {"tcp_half_closed", "connections that are half closed", Need::kExtra, probe_tcp_half_closed},
    {"compat_cr", "32-bit programs", Need::kExperimental,
     [] { return probe_map_vdso(kArchMapVdso32); }},
    {"uffd", "lazy pages", Need::kExperimental, [] { return probe_uffd(0); }},
    {"uffd-noncoop", "lazy pages of programs that fork", Need::kExperimental,
     [] { return probe_uffd(kNoncoop); }},
    {"can_map_vdso", "a vDSO of one's own", Need::kExtra,
     [] { return probe_map_vdso(kArchMapVdso64); }},
    {"sk_ns", "the namespaces of sockets", Need::kExtra, probe_sk_ns},
    {"sk_unix_file", "the files of UNIX sockets", Need::kExtra, probe_sk_unix_file},
    {"net_diag_raw", "raw sockets", Need::kExtra, probe_net_diag_raw},
    {"nsid", "ids of network namespaces", Need::kExtra, probe_nsid},
    {"link_nsid", "links to other network namespaces", Need::kExtra,
     [] { return probe_link_attribute(RTM_GETLINK, kTargetNetnsid, INT32_MAX); }},
    {"kcmp_epoll", "epoll sets", Need::kExtra, probe_kcmp_epoll},
    {"timens", "clocks that go on on another machine", Need::kExtra,
     [] { return probe_namespace("time"); }},
    {"external_net_ns", "network namespaces from outside", Need::kExperimental,
     [] { return probe_namespace("net"); }},
    {"newifindex", "new indexes of network devices", Need::kExtra,
     [] { return probe_link_attribute(RTM_SETLINK, kNewIfindex, -1); }},
    {"nftables", "locking the network, and nftables' rules", Need::kExtra, probe_netfilter},
    {"has_ipt_legacy", "legacy iptables", Need::kExperimental, probe_ipt_legacy},
    {"pidfd_store", "noticing that a pid was reused", Need::kExtra, probe_pidfd_store},
    {"ns_pid", "pids in pid namespaces", Need::kExtra, probe_ns_pid},
    {"apparmor_stacking", "stacked AppArmor profiles", Need::kExperimental,
     probe_apparmor_stacking},
    {"network_lock_nftables", "locking the network by nftables", Need::kExtra, probe_netfilter},
    {"sockopt_buf_lock", "locked sizes of socket buffers", Need::kExtra,
     [] { return probe_socket_option(AF_INET, SOL_SOCKET, kSoBufLock); }},
    {"memfd_hugetlb", "memfds of huge pages", Need::kExtra, probe_memfd_hugetlb},
    {"move_mount_set_group", "groups of mounts", Need::kExtra, probe_move_mount},
    {"openat2", "paths below a directory", Need::kExtra, probe_openat2},
    {"get_rseq_conf", "restartable sequences", Need::kExtra, probe_rseq_conf},
    {"ipv6_freebind", "IPV6_FREEBIND", Need::kExtra,
     [] { return probe_socket_option(AF_INET6, SOL_IPV6, kIpv6Freebind); }},
    {"timer_cr_ids", "timers with their ids", Need::kExtra, probe_timer_ids},
    {"overlayfs_maps", "mappings of overlay files", Need::kExperimental, probe_overlayfs_maps},
    {"breakpoints", "debug registers", Need::kExtra, probe_breakpoints},
    {"pagemap_scan_guard_pages", "guard pages", Need::kExtra, probe_guard_pages},
};

}  // namespace

std::span<const Feature> interface_features() {
  return kFeatures;
}

}  // namespace criu
