// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/kernel.h"

#include <cerrno>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>

#include "rmfork/error.h"
#include "rmfork/src/format.h"

namespace rmfork {
namespace {

// More snapshots than this are not listed: a kernel whose cursor does not advance must not hold us.
constexpr std::size_t kMostSnapshots = 1 << 20;

std::uint64_t address(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p);
}

rmfork_kargs task_kargs(std::uint64_t op, pid_t pid, std::uint64_t off,
                        std::span<const iovec> ranges) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = op;
  kargs.pid = static_cast<std::uint64_t>(pid);
  kargs.pa = off;
  kargs.iovs = ranges.empty() ? 0 : address(ranges.data());
  kargs.nr_iovs = ranges.size();
  return kargs;
}

template <typename T>
rmfork_kargs fill_kargs(std::uint64_t op, std::uint64_t off, T* out) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = op;
  kargs.pa = off;
  kargs.va = address(out);
  kargs.nr_iovs = sizeof(*out);
  return kargs;
}

std::string mebibytes(std::uint64_t bytes) {
  return rmfork::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace

Kernel::Kernel(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {
  rmfork_query q = {};
  long ret = issue(fill_kargs(RMFORK_OP_QUERY, 0, &q));
  if (ret == -EINVAL) return;
  if (ret == -EPERM)
    fail(name() + " wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE of the initial user namespace",
         ret);
  if (ret < 0) fail("asking " + name() + " about its pool", ret);
  if (q.abi_version == 0 || q.size < RMFORK_QUERY_SIZE_V1)
    throw Error(rmfork::format("{} answers QUERY with ABI version {} and {} bytes: not understood",
                               name(), q.abi_version, q.size));
  pool_ = q;
}

const char* Kernel::hint(long ret, bool named) const {
  const bool guest = pool_ && pool_->role == RMFORK_ROLE_GUEST;
  if (ret == -EROFS)
    return " (this machine is a guest in ubmem: only the machine that owns it can dump and free)";
  if (ret == -ESTALE && guest)
    return named ? " (another snapshot lies there now; or this machine is no longer a guest in "
                   "ubmem, which rmforkctl list would say too)"
                 : " (this machine is no longer a guest in ubmem: the owner has forgotten it, or "
                   "another pool was made; load the module anew here)";
  if (ret == -ESTALE && named)
    return " (the snapshot was freed meanwhile, and another one lies there; or another machine has "
           "taken ubmem over)";
  if (ret == -ESTALE) return " (another machine has taken ubmem over: load the module anew here)";
  if (ret == -ENOSPC && guest)
    return " (this machine is a guest in ubmem, and its processes use as many snapshots as a guest "
           "can pin: end some of them)";
  return "";
}

void Kernel::fail(const std::string& doing, long ret, bool named) const {
  throw Error(doing + hint(ret, named), static_cast<int>(-ret));
}

bool Kernel::has(std::uint64_t features) const {
  return pool_ && (pool_->features & features) == features;
}

long Kernel::issue(rmfork_kargs kargs, rmfork_kargs* out) {
  long ret = transport_->call(kargs);
  if (out) *out = kargs;
  return ret;
}

std::uint64_t Kernel::dump(pid_t pid, std::span<const iovec> ranges, int session) {
  rmfork_kargs out = task_kargs(RMFORK_OP_DUMP, pid, 0, ranges);
  if (session >= 0) out.va = RMFORK_IN_SESSION(session);
  long ret = issue(out, &out);
  std::string doing = rmfork::format("saving the memory of task {} by {}", pid, name());
  if (ret == -ENOSPC && pool_) {
    rmfork_query q = query();
    throw PoolFull(rmfork::format("{}: {} of {} are free in ubmem", doing, mebibytes(q.free_bytes),
                                  mebibytes(q.pool_bytes)),
                   ENOSPC);
  }
  if (ret < 0) fail(doing, ret);
  if (out.pa == 0 || out.pa > std::numeric_limits<std::int64_t>::max())
    throw Error(
        rmfork::format("{}: the kernel returned the impossible offset {:#x}", doing, out.pa));
  return out.pa;
}

void Kernel::restore(pid_t pid, std::uint64_t off, std::span<const iovec> ranges,
                     std::uint64_t generation) {
  rmfork_kargs kargs = task_kargs(RMFORK_OP_RESTORE_ONE, pid, off, ranges);
  if (has(RMFORK_FEAT_RESTORE_GENERATION)) kargs.va = generation;
  long ret = issue(kargs);
  if (ret >= 0) return;
  std::string who = pid ? rmfork::format("task {}", pid) : "this task";
  fail(rmfork::format("restoring the memory of {} from {:#x} by {}", who, off, name()), ret,
       kargs.va != 0);
}

rmfork_query Kernel::query() {
  rmfork_query q = {};
  long ret = issue(fill_kargs(RMFORK_OP_QUERY, 0, &q));
  if (ret < 0) fail("asking " + name() + " about its pool", ret);
  return q;
}

rmfork_info Kernel::info(std::uint64_t off) {
  return describe(RMFORK_OP_INFO, off);
}

rmfork_info Kernel::describe(std::uint64_t op, std::uint64_t off) {
  rmfork_info i = {};
  long ret = issue(fill_kargs(op, off, &i));
  if (ret < 0) fail(rmfork::format("asking {} about the snapshot at {:#x}", name(), off), ret);
  return i;
}

rmfork_info Kernel::identify(std::uint64_t off) {
  if (!has(RMFORK_FEAT_IDENTIFY)) return info(off);
  return describe(RMFORK_OP_IDENTIFY, off);
}

void Kernel::free(std::uint64_t off, std::uint64_t generation) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_FREE;
  kargs.pa = off;
  if (has(RMFORK_FEAT_FREE_GENERATION)) kargs.va = generation;
  long ret = issue(kargs);
  if (ret < 0)
    fail(rmfork::format("freeing the snapshot at {:#x} by {}", off, name()), ret, kargs.va != 0);
}

std::vector<rmfork_info> Kernel::list() {
  std::vector<rmfork_info> all;
  rmfork_info i = {};
  rmfork_kargs kargs = fill_kargs(RMFORK_OP_LIST, 0, &i);
  for (;;) {
    std::uint64_t cursor = kargs.pa;
    long ret = issue(kargs, &kargs);
    if (ret < 0) fail("listing the snapshots of " + name(), ret);
    if (ret == 0) return all;
    if (kargs.pa <= cursor || all.size() == kMostSnapshots)
      throw Error(
          rmfork::format("listing the snapshots of {}: no end after {}", name(), all.size()));
    all.push_back(i);
  }
}

rmfork_damage Kernel::verify(std::uint64_t off) {
  rmfork_damage damage = {};
  rmfork_kargs kargs = {};
  if (has(RMFORK_FEAT_VERIFY_POOL)) kargs = fill_kargs(RMFORK_OP_VERIFY, off, &damage);
  kargs.rmfork_opt = RMFORK_OP_VERIFY;
  kargs.pa = off;
  long ret = issue(kargs);
  if (ret < 0 && (ret != -EBADMSG || damage.what == RMFORK_DAMAGE_NONE))
    fail(off ? rmfork::format("verifying the snapshot at {:#x} by {}", off, name())
             : rmfork::format("verifying the pool of {}", name()),
         ret);
  return damage;
}

void Kernel::settle(pid_t pid) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_SETTLE;
  kargs.pid = static_cast<std::uint64_t>(pid);
  long ret = issue(kargs);
  if (ret < 0)
    fail(rmfork::format("completing the lazy restore of task {} by {}", pid, name()), ret);
}

Fd Kernel::open_session() {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_SESSION;
  long ret = issue(kargs);
  if (ret < 0) fail("opening a session of " + name(), ret);
  return Fd(static_cast<int>(ret));
}

void Kernel::commit_session(int session) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_COMMIT;
  kargs.va = RMFORK_IN_SESSION(session);
  long ret = issue(kargs);
  if (ret == -ESTALE)
    throw Error(
        "a snapshot of this dump was freed meanwhile by somebody else, or another machine has "
        "taken ubmem over: none is kept",
        ESTALE);
  if (ret < 0) fail("committing the snapshots of a dump by " + name(), ret);
}

std::vector<rmfork_guest> Kernel::guests() {
  std::vector<rmfork_guest> all;
  rmfork_guest guest = {};
  rmfork_kargs kargs = fill_kargs(RMFORK_OP_GUESTS, 0, &guest);
  for (;;) {
    std::uint64_t cursor = kargs.pa;
    long ret = issue(kargs, &kargs);
    if (ret < 0) fail("listing the guests of " + name(), ret);
    if (ret == 0) return all;
    if (kargs.pa <= cursor)
      throw Error(rmfork::format("listing the guests of {}: no end after {}", name(), all.size()));
    all.push_back(guest);
  }
}

void Kernel::forget(std::span<const std::uint8_t> uuid) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_FORGET;
  kargs.va = address(uuid.data());
  kargs.nr_iovs = uuid.size();
  long ret = issue(kargs);
  if (ret < 0) fail(rmfork::format("forgetting the guest {} by {}", uuid_text(uuid), name()), ret);
}

std::vector<std::string> feature_names(std::uint64_t features) {
  // By the number of the bit, as in uapi.h.
  static constexpr const char* kNames[] = {"free",         "info",      "list",
                                           "restore-all",  "zero-skip", "multi-restore",
                                           "shared-pages", "lazy",      "session",
                                           "verify",       "guests",    "free-generation",
                                           "verify-pool",  "page-sums", "restore-generation",
                                           "identify"};
  std::vector<std::string> names;
  for (unsigned bit = 0; bit < 64; bit++)
    if ((features >> bit & 1) != 0)
      names.push_back(bit < std::size(kNames) ? kNames[bit] : rmfork::format("bit {}", bit));
  return names;
}

std::string uuid_text(std::span<const std::uint8_t> uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += rmfork::format("{:02x}", uuid[i]);
  }
  return text;
}

}  // namespace rmfork
