// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/kernel/swap.h"

#include <fcntl.h>
#include <sys/swap.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "rmfork/test/kernel/harness.h"

namespace kernel_test {
namespace {

constexpr char kName[] = "rmfork-test-swap";

// mm/swapfile.c and include/linux/swap.h: union swap_header, version 1.
bool write_swap_area(int fd) {
  constexpr std::uint32_t kPages = 1024;
  std::vector<char> page(kPage, 0);
  const std::uint32_t info[] = {1, kPages - 1, 0};
  memcpy(page.data() + 1024, info, sizeof(info));
  memcpy(page.data() + kPage - 10, "SWAPSPACE2", 10);
  bool written = write(fd, page.data(), kPage) == static_cast<long>(kPage);
  page.assign(kPage, 0);
  for (std::uint32_t i = 1; written && i < kPages; i++)
    written = write(fd, page.data(), kPage) == static_cast<long>(kPage);
  return written;
}

}  // namespace

std::uint64_t pagemap_entry(const void* at) {
  std::uint64_t entry = 0;
  int fd = open("/proc/self/pagemap", O_RDONLY);
  CHECK(fd >= 0);
  off_t pos = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(at) / kPage * 8);
  CHECK_EQ(pread(fd, &entry, 8, pos), 8);
  close(fd);
  return entry;
}

bool present(const void* at) {
  return pagemap_entry(at) >> 63;
}

bool swapped(const void* at) {
  return pagemap_entry(at) >> 62 & 1;
}

SwapFile::SwapFile() {
  int fd = open(kName, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const bool written = write_swap_area(fd);
  close(fd);
  on_ = written && swapon(kName, 0) == 0;
}

SwapFile::~SwapFile() {
  if (on_) swapoff(kName);
  unlink(kName);
}

}  // namespace kernel_test
