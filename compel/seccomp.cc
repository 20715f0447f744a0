// SPDX-License-Identifier: GPL-2.0-only
#include "compel/seccomp.h"

#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "compel/error.h"

namespace compel {

namespace {

long request(int op, pid_t tid, unsigned long addr, const void* data) {
  return ::syscall(SYS_ptrace, op, tid, addr, data);
}

std::string of_thread(pid_t tid) {
  return " of thread " + std::to_string(tid) +
         (errno == EACCES || errno == EPERM
              ? " (it takes CAP_SYS_ADMIN, and that seccomp does not hold for this program)"
              : "");
}

uint32_t read_flags(pid_t tid, unsigned long number) {
  seccomp_metadata told{number, 0};
  if (request(PTRACE_SECCOMP_GET_METADATA, tid, sizeof told, &told) < 0)
    throw Error("reading the flags of a seccomp filter" + of_thread(tid), errno);
  return static_cast<uint32_t>(told.flags);
}

}  // namespace

std::vector<SeccompFilter> read_seccomp_filters(pid_t tid) {
  std::vector<SeccompFilter> filters;
  for (;;) {
    const unsigned long number = filters.size();
    const long count = request(PTRACE_SECCOMP_GET_FILTER, tid, number, nullptr);
    if (count < 0 && errno == ENOENT) return filters;
    std::vector<sock_filter> code(count < 0 ? 0 : static_cast<size_t>(count));
    if (count < 0 || request(PTRACE_SECCOMP_GET_FILTER, tid, number, code.data()) != count)
      throw Error("reading a seccomp filter" + of_thread(tid), errno);
    filters.push_back({std::move(code), read_flags(tid, number)});
  }
}

void suspend_seccomp(pid_t tid, bool with_us) {
  const unsigned long options =
      PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP | (with_us ? PTRACE_O_EXITKILL : 0);
  if (request(PTRACE_SETOPTIONS, tid, 0, reinterpret_cast<const void*>(options)) < 0)
    throw Error("suspending seccomp" + of_thread(tid), errno);
}

}  // namespace compel
