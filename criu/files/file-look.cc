// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-look.h"

#include <sys/stat.h>

#include "criu/base/error.h"
#include "criu/base/parallel.h"
#include "criu/base/proc.h"
#include "criu/files/descriptor-table.h"

namespace criu::files {

namespace {

uint64_t field(const std::string& fdinfo, std::string_view key, int base) {
  uint64_t value = 0;
  proc::each_line(fdinfo, [&](std::string_view line) {
    if (line.starts_with(key)) value = proc::to_u64(line.substr(key.size()), base);
  });
  return value;
}

}  // namespace

OpenFile look_at_descriptor(const DescriptorTable& table, int fd) {
  OpenFile f;
  f.pid = table.pid();
  f.fd = fd;
  f.link = table.link(fd);
  f.fdinfo = table.info(fd);
  f.flags = static_cast<int>(field(f.fdinfo, "flags:", 8));
  f.position = field(f.fdinfo, "pos:", 10);
  return f;
}

void TableLook::look() {
  const DescriptorTable table(pid_);
  const std::vector<int> numbers = table.numbers();
  files.resize(numbers.size());
  constexpr size_t kGrain = 64;
  for_each_in_parallel(numbers.size(), kGrain,
                       [&](size_t i) { files[i] = look_at_descriptor(table, numbers[i]); });
}

OpenFile look_at_place(pid_t pid, const std::string& link, int open_flags) {
  OpenFile file;
  file.pid = pid;
  file.place = link;
  file.flags = open_flags;
  const std::string path = file.path();
  file.link = read_link(path);
  if (stat(path.c_str(), &file.st) < 0) fail_errno("cannot examine {}", path);
  return file;
}

}  // namespace criu::files
