// SPDX-License-Identifier: GPL-2.0-only
//
// What a restore leaves is ordinary anonymous memory: it grows, merges, is locked and advised as
// any other.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "rmfork/test/kernel/harness.h"

using namespace kernel_test;

namespace {

constexpr std::size_t kPages = 64;
constexpr std::size_t kMany = 1600;  // so many go in by several processors

// All that smaps says of the mappings that begin within the region.
std::string smaps_of_region(std::size_t pages) {
  std::ifstream file("/proc/self/smaps");
  std::string text, line;
  bool within = false;
  while (std::getline(file, line)) {
    unsigned long start = 0, end = 0;
    if (sscanf(line.c_str(), "%lx-%lx ", &start, &end) == 2) {
      const auto region = reinterpret_cast<unsigned long>(kRegion);
      within = start >= region && start < region + pages * kPage;
    }
    if (within) text += line + "\n";
  }
  return text;
}

bool has_flag(const std::string& smaps, const char* flag) {
  std::istringstream lines(smaps);
  std::string line;
  while (std::getline(lines, line))
    if (line.starts_with("VmFlags:") && line.find(std::string(" ") + flag) != std::string::npos)
      return true;
  return false;
}

long number_of(const std::string& text, const char* what) {
  const std::size_t at = text.find(what);
  CHECK(at != std::string::npos);
  return strtol(text.c_str() + at + strlen(what), nullptr, 10);
}

long locked_kib() {
  std::ifstream file("/proc/self/status");
  std::stringstream text;
  text << file.rdbuf();
  return number_of(text.str(), "VmLck:");
}

std::size_t count_mappings() {
  std::ifstream file("/proc/self/maps");
  std::string line;
  std::size_t count = 0;
  while (std::getline(file, line)) count++;
  return count;
}

std::vector<std::uint64_t> inserting_ways() {
  if (!lazy_restores()) return {RMFORK_OP_RESTORE_ONE};
  return {RMFORK_OP_RESTORE_ONE, RMFORK_OP_RESTORE_LAZY};
}

// In a process that has been restored to by `operation`, and settled.
template <typename Body>
void in_a_clone(std::uint64_t operation, std::size_t pages, Body body) {
  Patterned source(pages, 20);
  Snapshot s(dump(source.child.pid(), {region(pages)}));
  Child clone([&](Child::Turn&) {
    map_region(pages);
    CHECK_EQ(issue({operation, 0, 0, s.off, 0, 0}), 0);
    if (operation == RMFORK_OP_RESTORE_LAZY)
      CHECK_EQ(issue({RMFORK_OP_SETTLE, static_cast<__u64>(getpid()), 0, 0, 0, 0}), 0);
    body();
    return true;
  });
  CHECK(clone.finish());
}

template <typename Body>
void in_clones(Body body) {
  for (std::uint64_t operation : inserting_ways()) in_a_clone(operation, kPages, body);
}

}  // namespace

KERNEL_TEST(a_restored_mapping_is_not_marked) {
  for (std::size_t pages : {kPages, kMany})
    for (std::uint64_t operation : inserting_ways())
      in_a_clone(operation, pages, [&] {
        CHECK(!has_flag(smaps_of_region(pages), "mm"));
        CHECK(holds(kRegion, pages, 20));
      });
}

KERNEL_TEST(a_restored_mapping_grows_in_place) {
  in_clones([] {
    CHECK(mremap(kRegion, kPages * kPage, 2 * kPages * kPage, 0) == kRegion);
    CHECK(holds(kRegion, kPages, 20));
    for (std::size_t i = kPages * kPage; i < 2 * kPages * kPage; i++) CHECK_EQ(kRegion[i], 0);
    kRegion[kPages * kPage] = 1;
  });
}

KERNEL_TEST(pieces_of_a_restored_mapping_merge_again) {
  in_clones([] {
    const std::size_t before = count_mappings();
    for (std::size_t i = 0; i < kPages; i += 2) {
      CHECK_EQ(mprotect(kRegion + i * kPage, kPage, PROT_READ), 0);
      CHECK_EQ(mprotect(kRegion + i * kPage, kPage, PROT_READ | PROT_WRITE), 0);
    }
    CHECK_EQ(count_mappings(), before);
  });
}

KERNEL_TEST(a_restored_mapping_can_be_locked) {
  in_clones([] {
    const long before = locked_kib();
    CHECK_EQ(mlock(kRegion, kPages * kPage), 0);
    CHECK_EQ(locked_kib() - before, static_cast<long>(kPages * kPage / 1024));
    for (std::size_t i = 0; i < kPages; i += 2) kRegion[i * kPage + 8]++;
    for (std::size_t i = 0; i < kPages; i += 2) kRegion[i * kPage + 8]--;
    CHECK(number_of(smaps_of_region(kPages), "Locked:") >= 32 * 4);
    CHECK_EQ(munlock(kRegion, kPages * kPage), 0);
    CHECK_EQ(locked_kib(), before);
    CHECK(holds(kRegion, kPages, 20));
  });
}

KERNEL_TEST(a_mapping_locked_before_the_restore_is_unlocked) {
  Patterned source(kPages, 21);
  Snapshot s(dump(source.child.pid(), {region(kPages)}));
  for (std::uint64_t operation : inserting_ways()) {
    Child clone([&](Child::Turn&) {
      map_region(kPages);
      CHECK_EQ(mlock2(kRegion, kPages * kPage, MLOCK_ONFAULT), 0);
      CHECK_EQ(issue({operation, 0, 0, s.off, 0, 0}), 0);
      CHECK_EQ(locked_kib(), static_cast<long>(kPages * kPage / 1024));
      CHECK_EQ(munlock(kRegion, kPages * kPage), 0);
      CHECK_EQ(locked_kib(), 0);
      return holds(kRegion, kPages, 21);
    });
    CHECK(clone.finish());
  }
}

KERNEL_TEST(a_restored_mapping_takes_advice) {
  in_clones([] {
    for (int advice :
         {MADV_DONTDUMP, MADV_DODUMP, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_FREE})
      CHECK_EQ(madvise(kRegion, kPages * kPage, advice), 0);
    CHECK(holds(kRegion, kPages, 20));
  });
}

KERNEL_TEST(a_restored_mapping_that_was_written_gets_huge_pages) {
  if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0)
    throw Skipped{"this kernel has no transparent huge pages"};
  in_a_clone(RMFORK_OP_RESTORE_ONE, kMany, [] {
    constexpr int kCollapse = 25;  // MADV_COLLAPSE, Linux 6.1
    for (std::size_t i = 0; i < kMany; i++) kRegion[i * kPage]++;
    for (std::size_t i = 0; i < kMany; i++) kRegion[i * kPage]--;
    CHECK_EQ(madvise(kRegion, 1536 * kPage, kCollapse), 0);
    CHECK(number_of(smaps_of_region(kMany), "AnonHugePages:") > 0);
    CHECK(holds(kRegion, kMany, 20));
  });
}
