// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace compel {

// The memory of a stopped task, by its addresses. Reads and writes go past the protection of the
// mappings (proc(5), /proc/pid/mem; the caller traces the task). Errors: compel::Error.
class Memory {
 public:
  explicit Memory(pid_t pid);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void read(uint64_t addr, void* to, size_t size) const;
  void write(uint64_t addr, const void* from, size_t size);
  // Reads what can be read, page-wise from the start; the rest of `to` stays as it was.
  size_t read_some(uint64_t addr, void* to, size_t size) const;

 private:
  pid_t pid_;
  int fd_;
};

// Bytes of a task's memory that are borrowed: the destructor puts back what stood there.
class BorrowedMemory {
 public:
  BorrowedMemory(Memory& memory, uint64_t addr, size_t size);
  ~BorrowedMemory();
  BorrowedMemory(const BorrowedMemory&) = delete;
  BorrowedMemory& operator=(const BorrowedMemory&) = delete;

  // The task is gone: there is nothing to put back.
  void forget() { saved_.clear(); }

 private:
  Memory& memory_;
  uint64_t addr_;
  std::vector<uint8_t> saved_;
};

}  // namespace compel
