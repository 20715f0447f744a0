// SPDX-License-Identifier: GPL-2.0-only
//
// A kernel side in memory: keeps the record of snapshots, not their pages. For unit tests.
#ifndef RMFORK_TEST_MEMORY_KERNEL_H
#define RMFORK_TEST_MEMORY_KERNEL_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rmfork/transport.h"
#include "rmfork/uapi.h"

namespace rmfork::test {

// What the tests set and look at; shared with the transports made from it.
struct MemoryKernel {
  bool extensions = true;
  std::uint64_t features = RMFORK_FEAT_FREE | RMFORK_FEAT_INFO | RMFORK_FEAT_LIST |
                           RMFORK_FEAT_SESSION | RMFORK_FEAT_VERIFY;
  std::uint8_t uuid[RMFORK_UUID_BYTES] = {1, 2, 3};
  std::uint64_t pages = 1000;      // each snapshot takes 12
  std::uint64_t shared_pages = 0;  // of the next snapshots
  std::uint64_t generation = 0;
  long next_result = 0;              // if negative: what the next DUMP or RESTORE_ONE answers
  std::uint64_t forced_off = ~0ULL;  // if not ~0: the offset the next DUMP returns
  bool stuck_cursor = false;         // LIST never ends
  std::map<std::uint64_t, rmfork_info> snapshots;
  std::vector<rmfork_kargs> dumps;
  std::vector<rmfork_kargs> restores;
  unsigned infos = 0;                            // each looks at all pages of a snapshot
  std::vector<std::uint64_t> committed;          // the `va` of each COMMIT
  std::vector<std::uint64_t> damaged;            // offsets of which VERIFY says so
  std::vector<std::uint64_t> headless;           // and INFO
  std::map<std::uint64_t, rmfork_damage> found;  // what VERIFY fills, by offset
  std::function<void()> before_free;  // what somebody else does just before the next FREE
  long verify_result = 0;             // if negative: what VERIFY of a snapshot answers
  bool guest = false;                 // another machine owns the pool
  std::uint64_t kept = 0;             // what QUERY says of it
  std::vector<rmfork_guest> guests;

  static constexpr std::uint64_t kTakes = 12;

  std::unique_ptr<Transport> transport();
  // As a kernel with the syscall: what open_transport() looks at.
  TransportSources sources();
  long call(rmfork_kargs& kargs);

 private:
  long dump(rmfork_kargs& kargs);
  long restore(const rmfork_kargs& kargs);
  long query(const rmfork_kargs& kargs);
  long info(const rmfork_kargs& kargs);
  long list(rmfork_kargs& kargs);
  long session();
  long commit(const rmfork_kargs& kargs);
  long verify(const rmfork_kargs& kargs);
  long free(const rmfork_kargs& kargs);
  long next_guest(rmfork_kargs& kargs);
  long forget(const rmfork_kargs& kargs);
};

// A directory that is removed with what it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  int fd() const { return fd_; }
  void write(const std::string& name, const std::string& contents) const;
  std::string read(const std::string& name) const;
  std::vector<std::string> names() const;  // sorted, with hidden ones

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace rmfork::test

#endif  // RMFORK_TEST_MEMORY_KERNEL_H
