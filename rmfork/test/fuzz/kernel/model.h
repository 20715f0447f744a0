// SPDX-License-Identifier: GPL-2.0-only
//
// What memory that was restored should hold, whatever its owner does with it: a page of the
// snapshot, zeros, or what was written since. Every change is made to the memory and to the model,
// and the two are compared.
#ifndef RMFORK_TEST_FUZZ_KERNEL_MODEL_H
#define RMFORK_TEST_FUZZ_KERNEL_MODEL_H

#include <cstdint>
#include <string>
#include <vector>

#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/random.h"

namespace rmfork::fuzz {

class Model {
 public:
  static constexpr std::size_t kPages = 2048;  // from the arena's first on; none elsewhere

  // The arena is unmapped.
  Model(const Module& module, Random& random);

  // Maps pages [0, filled.size()) afresh, as several mappings.
  void map_pieces(std::size_t pages);
  // A restore has put page_holds(.., seed) into those that are set.
  void restored(const std::vector<bool>& filled, std::uint64_t seed);

  // One random change. Empty, or what was found wrong on the way.
  std::string step();
  // What was done, a line for each change.
  const std::string& history() const { return history_; }
  // The first page that is not what it should be.
  std::string check() const;
  // What is wrong with the first of them, its entry of /proc/self/pagemap, and which they are. For
  // people.
  std::string describe_wrong() const;

 private:
  struct Range {
    std::size_t from;
    std::size_t pages;
  };
  enum class Kind : std::uint8_t { kUnmapped, kZeros, kRestored, kWritten };
  struct Page {
    Kind kind = Kind::kUnmapped;
    std::uint32_t what = 0;  // its number when it was filled; the byte written to it
  };

  Range range();
  static char* at(std::size_t page) { return kArena + page * kPage; }
  static std::string entry_of(std::size_t page);  // of /proc/self/pagemap, in hexadecimal
  void note(const char* what, Range r, const std::string& more = {});
  void set(Range r, Kind kind, std::uint32_t what = 0);
  void look_again(Range r);
  std::string check_page(std::size_t number) const;

  [[noreturn]] void end_child_body(bool good) const;

  std::string give_up();
  std::string unmap();
  std::string map();
  std::string move();
  std::string resize();
  std::string write();
  std::string read();
  std::string fork_off();
  std::string split();
  std::string settle();
  std::string page_out();
  std::string dump_again();

  const Module& module_;
  Random& random_;
  std::uint64_t seed_ = 0;
  std::vector<Page> pages_;
  std::string history_;
};

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_MODEL_H
