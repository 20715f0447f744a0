// SPDX-License-Identifier: GPL-2.0-only
#include "compel/memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "compel/error.h"

namespace compel {

namespace {

Error memory_error(const char* verb, pid_t pid, uint64_t addr, size_t size, int err) {
  char text[128];
  snprintf(text, sizeof text, "%s %zu bytes at 0x%" PRIx64 " of task %d", verb, size, addr, pid);
  return Error(text, err);
}

}  // namespace

Memory::Memory(pid_t pid) : pid_(pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  fd_ = open(path, O_RDWR | O_CLOEXEC);
  if (fd_ < 0) throw Error(std::string("opening ") + path, errno);
}

Memory::~Memory() {
  close(fd_);
}

size_t Memory::read_some(uint64_t addr, void* to, size_t size) const {
  size_t done = 0;
  while (done < size) {
    const ssize_t n =
        pread(fd_, static_cast<char*>(to) + done, size - done, static_cast<off_t>(addr + done));
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

void Memory::read(uint64_t addr, void* to, size_t size) const {
  errno = EFAULT;
  if (read_some(addr, to, size) != size) throw memory_error("reading", pid_, addr, size, errno);
}

void Memory::write(uint64_t addr, const void* from, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = pwrite(fd_, static_cast<const char*>(from) + done, size - done,
                             static_cast<off_t>(addr + done));
    if (n <= 0) throw memory_error("writing", pid_, addr, size, n < 0 ? errno : EFAULT);
    done += static_cast<size_t>(n);
  }
}

BorrowedMemory::BorrowedMemory(Memory& memory, uint64_t addr, size_t size)
    : memory_(memory), addr_(addr), saved_(size) {
  memory_.read(addr_, saved_.data(), saved_.size());
}

BorrowedMemory::~BorrowedMemory() {
  if (saved_.empty()) return;
  try {
    memory_.write(addr_, saved_.data(), saved_.size());
  } catch (const Error&) {
    // The task has died: nothing is left to put back.
  }
}

}  // namespace compel
