// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/ubmem-pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "rmfork/error.h"

namespace rmfork::fuzz {
namespace {

constexpr char kDevice[] = "/dev/rmfork-poke";
constexpr std::size_t kPiece = 1u << 20;

// [begin, end) of "100000-7fffffff : System RAM" (Documentation/admin-guide/kdump: /proc/iomem).
std::vector<std::pair<std::uint64_t, std::uint64_t>> system_ram() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::ifstream in("/proc/iomem");
  for (std::string line; std::getline(in, line);) {
    unsigned long begin = 0;
    unsigned long last = 0;
    if (line.ends_with(" : System RAM") && std::sscanf(line.c_str(), "%lx-%lx", &begin, &last) == 2)
      ranges.emplace_back((begin + RMFORK_PAGE_SIZE - 1) & ~(RMFORK_PAGE_SIZE - 1), last + 1);
  }
  return ranges;
}

template <typename T>
T as(const std::uint8_t* page) {
  T value;
  memcpy(&value, page, sizeof(value));
  return value;
}

void note_one(std::uint64_t& where, std::uint64_t at, const char* what) {
  if (where != 0) throw Error(std::string("there are two pages that look like ") + what);
  where = at;
}

}  // namespace

bool UbmemPages::reachable() {
  return access(kDevice, R_OK | W_OK) == 0;
}

UbmemPages::UbmemPages(const rmfork_query& pool, const rmfork_info& snapshot)
    : memory_(open(kDevice, O_RDWR | O_CLOEXEC)) {
  if (!memory_) throw Error(std::string("opening ") + kDevice, errno);
  std::vector<std::uint8_t> piece(kPiece);
  for (auto [begin, end] : system_ram())
    for (std::uint64_t at = begin; at < end; at += kPiece) {
      std::size_t size = std::min<std::uint64_t>(kPiece, end - at);
      ssize_t got = pread(memory_.get(), piece.data(), size, static_cast<off_t>(at));
      if (got != static_cast<ssize_t>(size)) throw Error("reading physical memory", errno);
      for (std::size_t i = 0; i + RMFORK_PAGE_SIZE <= size; i += RMFORK_PAGE_SIZE)
        look_at(at + i, piece.data() + i, pool, snapshot);
    }
  if (supers_.size() != RMFORK_SUPERS)
    throw Error(std::to_string(supers_.size()) + " superblocks are found in physical memory");
  if (header_ == 0) throw Error("the snapshot's header is not found in physical memory");
  std::size_t wanted =
      (snapshot.nr_ranges + RMFORK_INDEX_BLOCK_RANGES - 1) / RMFORK_INDEX_BLOCK_RANGES;
  if (blocks_.size() != wanted)
    throw Error("of the snapshot's " + std::to_string(wanted) + " index blocks " +
                std::to_string(blocks_.size()) + " are found in physical memory");
}

void UbmemPages::look_at(std::uint64_t at, const std::uint8_t* page, const rmfork_query& pool,
                         const rmfork_info& snapshot) {
  const auto magic = as<std::uint64_t>(page);
  if (magic == RMFORK_SUPER_MAGIC) {
    const auto super = as<rmfork_super>(page);
    if (memcmp(super.uuid, pool.pool_uuid, RMFORK_UUID_BYTES) == 0) {
      supers_.push_back(at);
      users_.push_back(super.user);
    }
  } else if (magic == RMFORK_SNAPSHOT_MAGIC) {
    if (as<rmfork_snapshot_header>(page).generation == snapshot.generation)
      note_one(header_, at, "the snapshot's header");
  } else if (static_cast<std::uint32_t>(magic) == RMFORK_INDEX_MAGIC) {
    if (as<rmfork_index_block>(page).generation == snapshot.generation) blocks_.push_back(at);
  }
}

void UbmemPages::put_users_back() const {
  for (std::size_t i = 0; i < supers_.size(); i++)
    for (std::size_t k = 0; k < sizeof(users_[i]); k++)
      set_byte(supers_[i] + offsetof(rmfork_super, user) + k,
               static_cast<std::uint8_t>(users_[i] >> 8 * k));
}

std::uint8_t UbmemPages::byte(std::uint64_t at) const {
  std::uint8_t value = 0;
  if (pread(memory_.get(), &value, 1, static_cast<off_t>(at)) != 1)
    throw Error("reading a byte of ubmem", errno);
  return value;
}

void UbmemPages::set_byte(std::uint64_t at, std::uint8_t value) const {
  if (pwrite(memory_.get(), &value, 1, static_cast<off_t>(at)) != 1)
    throw Error("changing a byte of ubmem", errno);
}

}  // namespace rmfork::fuzz
