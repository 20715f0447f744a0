// SPDX-License-Identifier: GPL-2.0-only
//
// The loaded module, by every way in that the kernel has, and what must be true of its pool.
#ifndef RMFORK_TEST_FUZZ_KERNEL_MODULE_H
#define RMFORK_TEST_FUZZ_KERNEL_MODULE_H

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <vector>

#include "rmfork/fd.h"
#include "rmfork/uapi.h"

namespace rmfork::fuzz {

inline constexpr std::size_t kPage = RMFORK_PAGE_SIZE;

// Where every process has the memory that is saved and restored: nothing else lies there.
inline char* const kArena = reinterpret_cast<char*>(0x100000000000);
inline constexpr std::size_t kArenaPages = 8192;
inline constexpr std::size_t kArenaBytes = kArenaPages * kPage;
inline constexpr std::size_t kHugeBytes = 2u << 20;

// An operation, the feature bit that tells of it (0: every kernel has it), and the errors it may
// answer (rmfork/uapi.h).
struct Operation {
  std::uint64_t number;
  const char* name;
  std::uint64_t feature;
  std::vector<int> errors;
};
const std::vector<Operation>& operations();
// nullptr: there is none of that number.
const Operation* operation(std::uint64_t number);

class Module {
 public:
  // Opens the device, and looks for the system call. Throws rmfork::Error.
  Module();

  bool has_syscall() const { return has_syscall_; }
  bool has(std::uint64_t feature) const { return (features_ & feature) == feature; }
  bool can(const Operation& op) const { return op.feature == 0 || has(op.feature); }
  int device() const { return device_.get(); }

  // Lets go of the device, which pins the module; in a child, its own descriptor.
  void close() { device_ = Fd(); }
  // And has it again, perhaps of a module that was loaded anew. Throws rmfork::Error.
  void reopen();

  // Issues what lies at `at`, which the kernel gets as it is, mapped or not. >= 0 or -errno.
  long issue_at(const void* at, bool by_syscall = false) const;
  // Issues a copy; results are in `*out` if given.
  long issue(rmfork_kargs kargs, rmfork_kargs* out = nullptr) const;

  long dump(pid_t pid, const std::vector<iovec>& ranges, std::uint64_t* off,
            std::uint64_t session = 0) const;
  // generation: of the snapshot; 0: whatever lies there.
  long restore(std::uint64_t op, pid_t pid, std::uint64_t off, const std::vector<iovec>& ranges,
               std::uint64_t generation = 0) const;
  // The generation of a snapshot of that process; 0: it is not there, others have freed it. What
  // lies in its place may be another.
  std::uint64_t generation_of(std::uint64_t off, pid_t pid) const;
  // An operation on a snapshot that fills nothing: FREE, VERIFY.
  long on_snapshot(std::uint64_t op, std::uint64_t off) const;
  long info(std::uint64_t off, rmfork_info* out) const;
  // The pool as it is. Throws rmfork::Error.
  rmfork_query query() const;
  void free_all() const;

 private:
  Fd device_;
  bool has_syscall_ = false;
  std::uint64_t features_ = 0;
};

// Waits until nothing is pending, and compares: empty, or what is not as it was in `before`.
std::string pool_differs(const Module& module, const rmfork_query& before);

// "ENOENT" of -ENOENT, "3" of 3.
std::string result_text(long ret);

// Maps the arena, or a part of it, afresh. False where that is impossible.
bool map_arena(std::size_t from = 0, std::size_t pages = kArenaPages);

inline iovec arena_range(std::size_t from = 0, std::size_t pages = kArenaPages) {
  return {kArena + from * kPage, pages * kPage};
}

// Words of a page that depend on its place and on `seed`, and are not zero.
void fill_page(char* page, std::size_t number, std::uint64_t seed);
bool page_holds(const char* page, std::size_t number, std::uint64_t seed);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_MODULE_H
