// SPDX-License-Identifier: GPL-2.0-only
//
// The ways to the kernel: syscall 454 or ioctl on /dev/rmfork. Chosen by probing.
#ifndef RMFORK_TRANSPORT_H
#define RMFORK_TRANSPORT_H

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rmfork/restore-call.h"
#include "rmfork/uapi.h"

namespace rmfork {

// One way to issue an operation. Implementations hold no state beyond a descriptor, so a
// transport may be used by several threads at once.
class Transport {
 public:
  virtual ~Transport() = default;

  // Issues the operation. Returns what the kernel returned: >= 0 or -errno. Never throws.
  virtual long call(rmfork_kargs& kargs) = 0;

  // For messages: "syscall 454", "/dev/rmfork".
  virtual std::string name() const = 0;

  // How code without this object issues the same call: how, fd, nr, request. A descriptor named
  // there stays owned by the transport.
  virtual void describe(rmfork_restore_call& call) const = 0;
};

enum class TransportChoice { kAuto, kSyscall, kDevice };

// "auto", "syscall", "device"; nullopt for anything else.
std::optional<TransportChoice> parse_transport(std::string_view name);
const char* transport_name(TransportChoice choice);

// What syscall 454 is on this kernel. Linux 6.7 and later have futex_wake there, and a blind call
// can succeed: only the answer to a NULL argument tells (EFAULT: rmfork; ENOSYS: no such call;
// EINVAL: futex_wake). The question has no effect on any of them.
enum class ProbeAnswer { kRmfork, kNoSuchCall, kFutexWake, kOther };

struct ProbeResult {
  ProbeAnswer answer = ProbeAnswer::kOther;
  long raw = 0;  // the return value: >= 0 or -errno

  // The answer as part of a sentence: "syscall 454 answers ENOSYS".
  std::string describe() const;

  // The answer alone: "ENOSYS", or the number that was returned.
  std::string answer_name() const;
};

// A system call with one argument; every further argument register is zero. >= 0 or -errno.
using SyscallFn = std::function<long(long nr, void* arg)>;

// The real one.
long raw_syscall(long nr, void* arg);

ProbeResult probe(const SyscallFn& issue = raw_syscall);

// Why the syscall cannot be used: it is another one, or no module answers behind it. Part of a
// sentence; empty: it can be used.
std::string syscall_trouble(const SyscallFn& issue = raw_syscall);

std::unique_ptr<Transport> make_syscall_transport();

// Opens the device (close-on-exec). Throws Error.
std::unique_ptr<Transport> make_device_transport(const char* path = RMFORK_DEVICE_PATH);

// What open_transport() looks at; replaced by tests.
struct TransportSources {
  SyscallFn issue = raw_syscall;
  std::string device_path = RMFORK_DEVICE_PATH;
};

// Opens the transport: with kAuto the syscall where the probe finds it and a module answers
// behind it, else the device. Throws an Error of one sentence that says for each way why it
// cannot be used.
std::unique_ptr<Transport> open_transport(TransportChoice choice,
                                          const TransportSources& sources = {});

}  // namespace rmfork

#endif  // RMFORK_TRANSPORT_H
