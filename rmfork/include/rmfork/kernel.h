// SPDX-License-Identifier: GPL-2.0-only
//
// The operations of rmfork as typed calls.
//
//   auto kernel = rmfork::Kernel::open(rmfork::TransportChoice::kAuto);
//   std::uint64_t off = kernel.dump(pid, {});
//   if (kernel.has(RMFORK_FEAT_INFO)) auto info = kernel.info(off);
#ifndef RMFORK_KERNEL_H
#define RMFORK_KERNEL_H

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rmfork/fd.h"
#include "rmfork/transport.h"
#include "rmfork/uapi.h"

namespace rmfork {

class Kernel {
 public:
  // Takes the transport and asks, by QUERY, what the kernel can do. EINVAL means it has only
  // DUMP and RESTORE_ONE, which is enough. Throws Error where QUERY fails otherwise.
  explicit Kernel(std::unique_ptr<Transport> transport);

  static Kernel open(TransportChoice choice) { return Kernel(open_transport(choice)); }

  // The pool as it was when this object was made; nullopt: the kernel has no extensions.
  const std::optional<rmfork_query>& pool() const { return pool_; }
  bool has(std::uint64_t features) const;

  // For messages.
  std::string name() const { return transport_->name(); }
  const Transport& transport() const { return *transport_; }

  // Saves the private memory of task `pid`: `ranges` (page aligned), or all of it if empty. With
  // a descriptor from open_session(), the snapshot is freed when that is closed before
  // commit_session(). Returns the offset of the snapshot. Throws Error.
  std::uint64_t dump(pid_t pid, std::span<const iovec> ranges, int session = -1);

  // Inserts the snapshot at `off` into task `pid` (0: the caller). With a generation other than 0
  // only that snapshot, where the kernel can tell. Throws Error; ESTALE: another one lies there.
  void restore(pid_t pid, std::uint64_t off, std::span<const iovec> ranges,
               std::uint64_t generation = 0);

  // The extensions. Each throws Error, with EINVAL where the kernel lacks it.
  rmfork_query query();
  rmfork_info info(std::uint64_t off);
  // What info() tells, but for shared_bytes and mapped_pages, which are 0 where the kernel has
  // RMFORK_FEAT_IDENTIFY: it then takes the same time whatever the snapshot's size.
  rmfork_info identify(std::uint64_t off);
  // With a generation other than 0 only that snapshot, where the kernel can tell: ESTALE if another
  // one lies there.
  void free(std::uint64_t off, std::uint64_t generation = 0);
  std::vector<rmfork_info> list();  // oldest first
  // Off 0: of the pool itself, where the kernel has RMFORK_FEAT_VERIFY_POOL. With that feature what
  // is damaged is in the result; without it damage is an Error of EBADMSG.
  rmfork_damage verify(std::uint64_t off);
  void settle(pid_t pid);  // puts in what a lazy restore of the task has left
  Fd open_session();
  void commit_session(int session);
  std::vector<rmfork_guest> guests();               // machines that are attached to the pool
  void forget(std::span<const std::uint8_t> uuid);  // of a guest; ENOENT: there is none

 private:
  long issue(rmfork_kargs kargs, rmfork_kargs* out = nullptr);
  rmfork_info describe(std::uint64_t op, std::uint64_t off);
  // Throws Error, with what the errno alone would not tell. `named`: the call named a generation.
  [[noreturn]] void fail(const std::string& doing, long ret, bool named = false) const;
  const char* hint(long ret, bool named) const;

  std::unique_ptr<Transport> transport_;
  std::optional<rmfork_query> pool_;
};

// The set bits of rmfork_query.features by name ("free", "lazy"); "bit 40" where this library knows
// none.
std::vector<std::string> feature_names(std::uint64_t features);

// "1c9a3f0e-..." (RFC 4122 form) of RMFORK_UUID_BYTES bytes.
std::string uuid_text(std::span<const std::uint8_t> uuid);

}  // namespace rmfork

#endif  // RMFORK_KERNEL_H
