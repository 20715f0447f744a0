// SPDX-License-Identifier: GPL-2.0-only
#include "setup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace vm {

namespace {

// The host has its own watchdog; this one only turns a missing device into a clear message.
constexpr int kDeviceWaitMs = 60'000;
// syslog(2): SYSLOG_ACTION_CONSOLE_LEVEL, and the level that lets KERN_INFO through.
constexpr int kSetConsoleLevel = 8;
constexpr int kConsoleInfo = 7;

void mount_fs(const char* source, const char* target, const char* type, unsigned long flags,
              const char* options) {
  std::filesystem::create_directories(target);
  if (mount(source, target, type, flags, options) != 0)
    fail(std::string("mount ") + source + " (" + type + ") on " + target);
}

void link_dev(const char* target, const char* path) {
  if (symlink(target, path) != 0 && errno != EEXIST) fail(std::string("symlink ") + path);
}

// The nodes through which a program's first use loads a module: /dev/net/tun, /dev/fuse and the
// like, for everybody (the devices themselves check). Lines of modules.devname: module, name, type
// and number, as in `tun net/tun c10:200`.
void make_module_nodes() {
  struct utsname names {};
  if (uname(&names) != 0) fail("uname");
  std::ifstream in(std::string("/usr/lib/modules/") + names.release + "/modules.devname");
  for (std::string line; std::getline(in, line);) {
    char name[256];
    char type;
    unsigned major;
    unsigned minor;
    if (std::sscanf(line.c_str(), "%*s %255s %c%u:%u", name, &type, &major, &minor) != 4) continue;
    const std::string path = std::string("/dev/") + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    const mode_t mode = (type == 'b' ? S_IFBLK : S_IFCHR) | 0666;
    if (mknod(path.c_str(), mode, makedev(major, minor)) != 0 && errno != EEXIST)
      fail("mknod " + path);
    if (chmod(path.c_str(), mode) != 0) fail("chmod " + path);  // whatever the umask
  }
}

void loopback_up() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket for the loopback interface");
  struct ifreq request {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  const int result = ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
  if (result != 0) fail("bring up lo");
}

// The limits that systemd gives: few descriptors at first, room to ask for more.
void set_limits() {
  const struct rlimit files = {1024, 524288};
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) fail("setrlimit RLIMIT_NOFILE");
}

// To whoever asks for them (MAP_HUGETLB); none is set aside.
void allow_huge_pages() {
  std::ofstream("/proc/sys/vm/nr_overcommit_hugepages") << 128;
}

}  // namespace

void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

DeviceWatch::DeviceWatch() {
  fd_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
  if (fd_ < 0) fail("uevent socket");
  struct sockaddr_nl address {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;  // the kernel's own events
  if (bind(fd_, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) != 0)
    fail("bind uevent socket");
}

DeviceWatch::~DeviceWatch() {
  close(fd_);
}

std::string DeviceWatch::disk(const std::string& serial) {
  return wait_for("/sys/block", "serial", serial);
}

std::string DeviceWatch::port(const std::string& name) {
  return wait_for("/sys/class/virtio-ports", "name", name);
}

std::string DeviceWatch::wait_for(const std::string& sys_class, const std::string& attribute,
                                  const std::string& value) {
  for (;;) {
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(sys_class, absent)) {
      std::ifstream in(entry.path() / attribute);
      std::string found;
      if (std::getline(in, found) && found == value)
        return "/dev/" + entry.path().filename().string();
    }
    struct pollfd poll_fd = {fd_, POLLIN, 0};
    const int ready = poll(&poll_fd, 1, kDeviceWaitMs);
    if (ready == 0)
      throw std::runtime_error("no device with " + attribute + " " + value + " in " + sys_class);
    if (ready < 0 && errno != EINTR) fail("poll for uevents");
    char event[8192];
    // ENOBUFS: events were lost, which does no harm since the directory is read again.
    if (ready > 0 && recv(fd_, event, sizeof(event), 0) < 0 && errno != ENOBUFS)
      fail("read an uevent");
  }
}

void mount_early() {
  mount_fs("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  mount_fs("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  std::filesystem::create_directories("/dev");
  // EBUSY: the kernel has mounted it already (CONFIG_DEVTMPFS_MOUNT).
  if (mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") != 0 && errno != EBUSY)
    fail("mount /dev");
}

void load_module(const std::string& path, const std::string& args) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("open " + path);
  const long result = syscall(SYS_finit_module, fd, args.c_str(), 0);
  const int error = errno;
  close(fd);
  errno = error;
  if (result != 0 && errno != EEXIST)
    fail("load " + path + (args.empty() ? "" : " (" + args + ")"));
}

void enter_root(DeviceWatch& devices, const Config& config) {
  const std::string root = "/root";
  // The disks are discarded after the run, so waiting for them would be wasted.
  mount_fs(devices.disk("root").c_str(), root.c_str(), "ext4", MS_NOATIME,
           "nobarrier,noinit_itable");
  mount_fs(devices.disk("tree").c_str(), (root + config.value("project")).c_str(), "ext4",
           MS_NOATIME, "nobarrier,noinit_itable");
  if (!config.value("modules").empty())
    mount_fs(devices.disk("modules").c_str(), (root + "/usr/lib/modules").c_str(), "ext4",
             MS_RDONLY, nullptr);
  for (const std::string dir : {"/proc", "/sys", "/dev"})
    if (mount(dir.c_str(), (root + dir).c_str(), nullptr, MS_MOVE, nullptr) != 0)
      fail("move " + dir);
  if (chdir(root.c_str()) != 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
      chroot(".") != 0 || chdir("/") != 0)
    fail("enter the root file system");
}

void set_up_system(const Config& config) {
  umask(0022);
  mount_fs("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
  mount_fs("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_fs("hugetlbfs", "/dev/hugepages", "hugetlbfs", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_fs("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  mount_fs("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
  mount_fs("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_fs("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  std::filesystem::create_directories("/run/lock");
  link_dev("/proc/self/fd", "/dev/fd");
  link_dev("/proc/self/fd/0", "/dev/stdin");
  link_dev("/proc/self/fd/1", "/dev/stdout");
  link_dev("/proc/self/fd/2", "/dev/stderr");
  const std::string name = config.value("hostname");
  if (sethostname(name.c_str(), name.size()) != 0) fail("sethostname");
  make_module_nodes();
  loopback_up();
  set_limits();
  allow_huge_pages();
  // Booting is quiet because the serial line is slow; from here on the log is worth having.
  if (klogctl(kSetConsoleLevel, nullptr, kConsoleInfo) != 0) fail("set the console log level");
  clearenv();
  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  setenv("HOME", "/root", 1);
  setenv("USER", "root", 1);
  setenv("SHELL", "/bin/bash", 1);
  setenv("LANG", "C.UTF-8", 1);
  setenv("TERM", "dumb", 1);
  setenv("CRIU_RMFORK_VM", config.value("flavour").c_str(), 1);
}

}  // namespace vm
