// SPDX-License-Identifier: GPL-2.0-only
//
// What a task's page map says of its pages, and room for those that are swapped out.
#ifndef RMFORK_TEST_KERNEL_SWAP_H
#define RMFORK_TEST_KERNEL_SWAP_H

#include <cstdint>

namespace kernel_test {

// Of the calling process, Documentation/admin-guide/mm/pagemap.rst: bit 63 present, 62 swapped, 61
// file page.
std::uint64_t pagemap_entry(const void* at);
bool present(const void* at);
bool swapped(const void* at);

// A swap area in a file of its own, besides what the machine has, where the file system of the
// working directory can hold one.
class SwapFile {
 public:
  SwapFile();
  ~SwapFile();
  SwapFile(const SwapFile&) = delete;
  SwapFile& operator=(const SwapFile&) = delete;

 private:
  bool on_ = false;
};

}  // namespace kernel_test

#endif  // RMFORK_TEST_KERNEL_SWAP_H
