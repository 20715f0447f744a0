// SPDX-License-Identifier: GPL-2.0-only
//
// The pages in which ubmem keeps its own books, found in physical memory by what they begin with.
// Needs the module of ../poke.
#ifndef RMFORK_TEST_FUZZ_KERNEL_UBMEM_PAGES_H
#define RMFORK_TEST_FUZZ_KERNEL_UBMEM_PAGES_H

#include <cstdint>
#include <vector>

#include "rmfork/fd.h"
#include "rmfork/uapi.h"

namespace rmfork::fuzz {

class UbmemPages {
 public:
  // Whether there is a way to them.
  static bool reachable();

  // Finds the superblocks of the pool, and the header and the index blocks of the snapshot of that
  // generation. Throws rmfork::Error: one of them is not found, or there are too many.
  UbmemPages(const rmfork_query& pool, const rmfork_info& snapshot);

  // Physical addresses.
  const std::vector<std::uint64_t>& supers() const { return supers_; }
  std::uint64_t header() const { return header_; }
  const std::vector<std::uint64_t>& blocks() const { return blocks_; }

  std::uint8_t byte(std::uint64_t at) const;
  void set_byte(std::uint64_t at, std::uint8_t value) const;

  // Says again whose the pool is, in each superblock, as it was when they were found.
  void put_users_back() const;

 private:
  void look_at(std::uint64_t at, const std::uint8_t* page, const rmfork_query& pool,
               const rmfork_info& snapshot);

  Fd memory_;
  std::vector<std::uint64_t> supers_;
  std::vector<std::uint64_t> users_;  // of each
  std::uint64_t header_ = 0;
  std::vector<std::uint64_t> blocks_;
};

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_UBMEM_PAGES_H
