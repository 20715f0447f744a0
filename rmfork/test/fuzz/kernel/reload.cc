// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/reload.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "rmfork/error.h"

namespace rmfork::fuzz {
namespace {

// What is pending is looked at once a second, and whoever was killed ends when he gets the
// processor.
constexpr int kTries = 300;
constexpr useconds_t kPause = 100'000;

}  // namespace

bool unload(Module& module, bool patiently) {
  module.close();
  for (int i = patiently ? kTries : 1; i != 0; i--) {
    if (syscall(SYS_delete_module, "rmfork", O_NONBLOCK) == 0) return true;
    if (errno != EAGAIN && errno != EBUSY) throw Error("unloading the module", errno);
    if (i > 1) usleep(kPause);
  }
  module.reopen();
  return false;
}

void load(Module& module, const std::string& file, const std::string& parameters) {
  const Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw Error("opening " + file, errno);
  if (syscall(SYS_finit_module, fd.get(), parameters.c_str(), 0) != 0)
    throw Error("loading the module with " + parameters, errno);
  module.reopen();
}

std::string allocated_pool() {
  std::ifstream file("/sys/module/rmfork/parameters/ubmem_mb");
  std::string mib;
  file >> mib;
  return "ubmem_mb=" + mib;
}

}  // namespace rmfork::fuzz
