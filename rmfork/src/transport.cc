// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/transport.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "rmfork/error.h"
#include "rmfork/src/files.h"
#include "rmfork/src/format.h"

namespace rmfork {
namespace {

class SyscallTransport : public Transport {
 public:
  explicit SyscallTransport(SyscallFn issue) : issue_(std::move(issue)) {}

  long call(rmfork_kargs& kargs) override { return issue_(RMFORK_SYSCALL_NR, &kargs); }
  std::string name() const override { return rmfork::format("syscall {}", RMFORK_SYSCALL_NR); }
  void describe(rmfork_restore_call& call) const override {
    call.how = RMFORK_HOW_SYSCALL;
    call.fd = -1;
    call.nr = RMFORK_SYSCALL_NR;
  }

 private:
  SyscallFn issue_;
};

class DeviceTransport : public Transport {
 public:
  DeviceTransport(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  long call(rmfork_kargs& kargs) override {
    int ret = ioctl(fd_.get(), RMFORK_IOCTL, &kargs);
    return ret < 0 ? -errno : ret;
  }
  std::string name() const override { return path_; }
  void describe(rmfork_restore_call& call) const override {
    call.how = RMFORK_HOW_IOCTL;
    call.fd = fd_.get();
    call.request = RMFORK_IOCTL;
  }

 private:
  Fd fd_;
  std::string path_;
};

std::string errno_name(int err) {
  const char* name = strerrorname_np(err);
  return name ? name : rmfork::format("errno {}", err);
}

}  // namespace

std::optional<TransportChoice> parse_transport(std::string_view name) {
  for (auto choice : {TransportChoice::kAuto, TransportChoice::kSyscall, TransportChoice::kDevice})
    if (name == transport_name(choice)) return choice;
  return std::nullopt;
}

const char* transport_name(TransportChoice choice) {
  switch (choice) {
    case TransportChoice::kSyscall:
      return "syscall";
    case TransportChoice::kDevice:
      return "device";
    default:
      return "auto";
  }
}

long raw_syscall(long nr, void* arg) {
  return rmfork_raw_syscall(nr, reinterpret_cast<long>(arg), 0, 0);
}

ProbeResult probe(const SyscallFn& issue) {
  ProbeResult result;
  result.raw = issue(RMFORK_SYSCALL_NR, nullptr);
  switch (result.raw) {
    case -EFAULT:
      result.answer = ProbeAnswer::kRmfork;
      break;
    case -ENOSYS:
      result.answer = ProbeAnswer::kNoSuchCall;
      break;
    case -EINVAL:
      result.answer = ProbeAnswer::kFutexWake;
      break;
    default:
      result.answer = ProbeAnswer::kOther;
  }
  return result;
}

std::string ProbeResult::describe() const {
  std::string text = rmfork::format("syscall {} ", RMFORK_SYSCALL_NR);
  if (raw >= 0) return text + rmfork::format("returns {} where rmfork would answer EFAULT", raw);
  text += "answers " + answer_name();
  if (answer == ProbeAnswer::kFutexWake) text += " (it is futex_wake there)";
  if (answer == ProbeAnswer::kOther) text += ", which is not rmfork's answer";
  return text;
}

std::string ProbeResult::answer_name() const {
  return raw >= 0 ? std::to_string(raw) : errno_name(static_cast<int>(-raw));
}

std::string syscall_trouble(const SyscallFn& issue) {
  ProbeResult found = probe(issue);
  if (found.answer != ProbeAnswer::kRmfork) return found.describe();
  // The dispatcher is there. Any operation tells whether a module stands behind it.
  rmfork_kargs kargs = {};
  if (issue(RMFORK_SYSCALL_NR, &kargs) == -ENODEV)
    return rmfork::format("syscall {} is there but no rmfork module is loaded", RMFORK_SYSCALL_NR);
  return {};
}

std::unique_ptr<Transport> make_syscall_transport() {
  return std::make_unique<SyscallTransport>(raw_syscall);
}

std::unique_ptr<Transport> make_device_transport(const char* path) {
  Fd fd(open(path, O_RDWR | O_CLOEXEC));
  if (!fd && errno == ENOENT) throw Error(rmfork::format("{} does not exist", path));
  if (!fd) throw Error(rmfork::format("{} cannot be opened", path), errno);
  // The same question as the syscall gets.
  const int error = ioctl(fd.get(), RMFORK_IOCTL, nullptr) < 0 ? errno : 0;
  const std::string trouble = rmfork::format("{} is not the device of the rmfork module", path);
  if (error == 0) throw Error(trouble);
  if (error != EFAULT) throw Error(trouble, error);
  return std::make_unique<DeviceTransport>(std::move(fd), path);
}

std::unique_ptr<Transport> open_transport(TransportChoice choice, const TransportSources& sources) {
  std::string trouble;
  if (choice != TransportChoice::kDevice) {
    trouble = syscall_trouble(sources.issue);
    if (trouble.empty()) return std::make_unique<SyscallTransport>(sources.issue);
    log(LogLevel::kDebug, "rmfork: " + trouble);
    if (choice == TransportChoice::kSyscall)
      throw Error("this kernel has no rmfork system call: " + trouble);
  }
  try {
    return make_device_transport(sources.device_path.c_str());
  } catch (const Error& e) {
    if (choice == TransportChoice::kDevice) throw Error(rmfork::format("no rmfork: {}", e.what()));
    throw Error(rmfork::format("this kernel has no rmfork: {} and {}", trouble, e.what()));
  }
}

}  // namespace rmfork
