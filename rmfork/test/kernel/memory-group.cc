// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/kernel/memory-group.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "rmfork/test/kernel/harness.h"

namespace kernel_test {

static const std::string kPath = "/sys/fs/cgroup/rmfork-test";

bool write_file(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return ok;
}

MemoryGroup::MemoryGroup() {
  write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
  mkdir(kPath.c_str(), 0755);
  if (access((kPath + "/memory.reclaim").c_str(), W_OK) == 0) return;
  rmdir(kPath.c_str());
  throw Skipped{"no memory.reclaim"};
}

MemoryGroup::~MemoryGroup() {
  for (int i = 0; i < 1000 && rmdir(kPath.c_str()) != 0; i++) usleep(10000);
}

void MemoryGroup::enter() {
  CHECK(set("cgroup.procs", std::to_string(getpid())));
}

bool MemoryGroup::set(const char* file, const std::string& value) {
  return write_file(kPath + "/" + file, value);
}

unsigned long long MemoryGroup::usage() {
  std::ifstream file(kPath + "/memory.current");
  unsigned long long bytes = 0;
  CHECK(static_cast<bool>(file >> bytes));
  return bytes;
}

long MemoryGroup::events(const std::string& wanted) {
  std::ifstream file(kPath + "/memory.events");
  std::string name;
  long count = 0;
  while (file >> name >> count)
    if (name == wanted) return count;
  return 0;
}

}  // namespace kernel_test
