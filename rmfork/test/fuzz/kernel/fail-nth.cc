// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/fail-nth.h"

#include <fcntl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace rmfork::fuzz {
namespace {

bool write_file(const std::string& path, const char* text) {
  Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), text, 1) == 1;
}

}  // namespace

bool FailNth::prepare() {
  const std::string debug = "/sys/kernel/debug/";
  bool ok = write_file(debug + "failslab/ignore-gfp-wait", "N") &&
            write_file(debug + "fail_page_alloc/ignore-gfp-wait", "N") &&
            write_file(debug + "fail_page_alloc/ignore-gfp-highmem", "N") &&
            write_file(debug + "fail_page_alloc/min-order", "0");
  for (const char* kind : {"failslab", "fail_page_alloc", "fail_usercopy"})
    ok = write_file(debug + kind + "/verbose", "0") && ok;
  return ok;
}

// The C library has the kernel write to a restartable sequence whenever it goes back to user mode.
// Where that write fails (as the page was common since a fork, say) the thread gets SIGSEGV.
static void leave_rseq() {
  char* self = static_cast<char*>(__builtin_thread_pointer());
  syscall(SYS_rseq, self + __rseq_offset, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

FailNth::FailNth() : fd_(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC)) {
  leave_rseq();
}

void FailNth::arm(unsigned n) {
  char text[16];
  int length = std::snprintf(text, sizeof(text), "%u", n);
  if (fd_ && pwrite(fd_.get(), text, static_cast<std::size_t>(length), 0) != length) abort();
}

bool FailNth::disarm() {
  if (!fd_) return false;
  char text[16] = {};
  // This may be what fails; then it was not the call.
  bool struck = pread(fd_.get(), text, sizeof(text) - 1, 0) > 0 && std::atoi(text) == 0;
  while (pwrite(fd_.get(), "0", 1, 0) != 1) {
  }
  return struck;
}

}  // namespace rmfork::fuzz
