// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/module.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "rmfork/error.h"
#include "rmfork/restore-call.h"
#include "rmfork/transport.h"

namespace rmfork::fuzz {
namespace {

// A task that has been killed unmaps its pages when it gets the processor, and the module looks at
// what is pending once a second.
constexpr int kSettleTries = 300;
constexpr useconds_t kSettlePause = 100'000;

rmfork_kargs with_ranges(std::uint64_t op, pid_t pid, const std::vector<iovec>& ranges) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = op;
  kargs.pid = static_cast<std::uint64_t>(pid);
  kargs.iovs = ranges.empty() ? 0 : reinterpret_cast<std::uint64_t>(ranges.data());
  kargs.nr_iovs = ranges.size();
  return kargs;
}

std::uint64_t page_word(std::size_t number, std::size_t word, std::uint64_t seed) {
  return (seed << 40 | std::uint64_t{number} << 12 | word) | 1ULL << 63;
}

}  // namespace

const std::vector<Operation>& operations() {
  const std::vector<int> restore = {ENOENT, EINVAL, EBUSY, ESRCH, ENOMEM, EBADMSG, ESTALE, EFAULT};
  static const std::vector<Operation> all = {
      {RMFORK_OP_RESTORE_ONE, "RESTORE_ONE", 0, restore},
      {RMFORK_OP_RESTORE_ALL, "RESTORE_ALL", RMFORK_FEAT_RESTORE_ALL, restore},
      {RMFORK_OP_DUMP, "DUMP", 0, {ESRCH, ENOSPC, ENOMEM, EBADF, EINVAL, EFAULT}},
      {RMFORK_OP_QUERY, "QUERY", 0, {EINVAL, EFAULT}},
      {RMFORK_OP_FREE, "FREE", RMFORK_FEAT_FREE, {ENOENT, ESTALE, EINVAL, EFAULT}},
      {RMFORK_OP_INFO, "INFO", RMFORK_FEAT_INFO, {ENOENT, EINVAL, EFAULT, EBADMSG}},
      {RMFORK_OP_LIST, "LIST", RMFORK_FEAT_LIST, {EINVAL, EFAULT}},
      {RMFORK_OP_RESTORE_LAZY, "RESTORE_LAZY", RMFORK_FEAT_LAZY, restore},
      {RMFORK_OP_SESSION, "SESSION", RMFORK_FEAT_SESSION, {EINVAL, EFAULT, ENOMEM, EMFILE}},
      {RMFORK_OP_COMMIT, "COMMIT", RMFORK_FEAT_SESSION, {EINVAL, EFAULT, EBADF, ESTALE}},
      {RMFORK_OP_VERIFY, "VERIFY", RMFORK_FEAT_VERIFY, {ENOENT, EINVAL, EFAULT, EBADMSG, ENOMEM}},
      {RMFORK_OP_SETTLE, "SETTLE", RMFORK_FEAT_LAZY, {ESRCH, ENOMEM, EINVAL, EFAULT}},
      {RMFORK_OP_GUESTS, "GUESTS", RMFORK_FEAT_GUESTS, {EINVAL, EFAULT}},
      {RMFORK_OP_FORGET, "FORGET", RMFORK_FEAT_GUESTS, {ENOENT, EINVAL, EFAULT}},
      {RMFORK_OP_IDENTIFY, "IDENTIFY", RMFORK_FEAT_IDENTIFY, {ENOENT, EINVAL, EFAULT, EBADMSG}},
  };
  return all;
}

const Operation* operation(std::uint64_t number) {
  auto found = std::ranges::find(operations(), number, &Operation::number);
  return found == operations().end() ? nullptr : &*found;
}

Module::Module() {
  reopen();
}

void Module::reopen() {
  device_ = Fd(open(RMFORK_DEVICE_PATH, O_RDWR | O_CLOEXEC));
  if (!device_) throw Error("opening " RMFORK_DEVICE_PATH, errno);
  has_syscall_ = probe().answer == ProbeAnswer::kRmfork;
  features_ = query().features;
}

long Module::issue_at(const void* at, bool by_syscall) const {
  long arg = reinterpret_cast<long>(at);
  if (by_syscall && has_syscall_) return rmfork_raw_syscall(RMFORK_SYSCALL_NR, arg, 0, 0);
  return rmfork_raw_syscall(RMFORK_NR_IOCTL, device_.get(), static_cast<long>(RMFORK_IOCTL), arg);
}

long Module::issue(rmfork_kargs kargs, rmfork_kargs* out) const {
  long ret = issue_at(&kargs);
  if (out) *out = kargs;
  return ret;
}

long Module::dump(pid_t pid, const std::vector<iovec>& ranges, std::uint64_t* off,
                  std::uint64_t session) const {
  rmfork_kargs kargs = with_ranges(RMFORK_OP_DUMP, pid, ranges);
  kargs.va = session;
  long ret = issue(kargs, &kargs);
  *off = kargs.pa;
  return ret;
}

long Module::restore(std::uint64_t op, pid_t pid, std::uint64_t off,
                     const std::vector<iovec>& ranges, std::uint64_t generation) const {
  rmfork_kargs kargs = with_ranges(op, pid, ranges);
  kargs.pa = off;
  kargs.va = generation;
  return issue(kargs);
}

std::uint64_t Module::generation_of(std::uint64_t off, pid_t pid) const {
  rmfork_info found = {};
  const bool is_it = info(off, &found) >= 0 && found.pid == static_cast<std::uint32_t>(pid);
  return is_it ? found.generation : 0;
}

long Module::on_snapshot(std::uint64_t op, std::uint64_t off) const {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = op;
  kargs.pa = off;
  return issue(kargs);
}

long Module::info(std::uint64_t off, rmfork_info* out) const {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_INFO;
  kargs.pa = off;
  kargs.va = reinterpret_cast<std::uint64_t>(out);
  kargs.nr_iovs = sizeof(*out);
  return issue(kargs);
}

rmfork_query Module::query() const {
  rmfork_query q = {};
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_QUERY;
  kargs.va = reinterpret_cast<std::uint64_t>(&q);
  kargs.nr_iovs = sizeof(q);
  long ret = issue(kargs);
  if (ret < 0) throw Error("asking " RMFORK_DEVICE_PATH " about its pool", static_cast<int>(-ret));
  return q;
}

void Module::free_all() const {
  for (;;) {
    rmfork_info i = {};
    rmfork_kargs kargs = {};
    kargs.rmfork_opt = RMFORK_OP_LIST;
    kargs.va = reinterpret_cast<std::uint64_t>(&i);
    kargs.nr_iovs = sizeof(i);
    long ret = issue(kargs);
    if (ret < 0) throw Error("listing the snapshots", static_cast<int>(-ret));
    if (ret == 0) return;
    ret = on_snapshot(RMFORK_OP_FREE, i.meta_off);
    if (ret < 0) throw Error("freeing a snapshot that LIST has named", static_cast<int>(-ret));
  }
}

std::string pool_differs(const Module& module, const rmfork_query& before) {
  rmfork_query now = module.query();
  for (int i = 0; i < kSettleTries && now.pending_bytes != 0; i++) {
    usleep(kSettlePause);
    now = module.query();
  }
  auto compare = [](const char* what, std::uint64_t was, std::uint64_t is) {
    if (was == is) return std::string();
    return std::string(what) + " was " + std::to_string(was) + " and is " + std::to_string(is) +
           "; ";
  };
  return compare("pending_bytes", 0, now.pending_bytes) +
         compare("snapshots", before.snapshots, now.snapshots) +
         compare("free_bytes", before.free_bytes, now.free_bytes);
}

std::string result_text(long ret) {
  if (ret >= 0) return std::to_string(ret);
  const char* name = strerrorname_np(static_cast<int>(-ret));
  return name ? name : std::to_string(ret);
}

bool map_arena(std::size_t from, std::size_t pages) {
  void* at = kArena + from * kPage;
  return mmap(at, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
              -1, 0) == at;
}

void fill_page(char* page, std::size_t number, std::uint64_t seed) {
  auto* words = reinterpret_cast<std::uint64_t*>(page);
  for (std::size_t w = 0; w < kPage / 8; w++) words[w] = page_word(number, w, seed);
}

bool page_holds(const char* page, std::size_t number, std::uint64_t seed) {
  auto* words = reinterpret_cast<const std::uint64_t*>(page);
  for (std::size_t w = 0; w < kPage / 8; w++)
    if (words[w] != page_word(number, w, seed)) return false;
  return true;
}

}  // namespace rmfork::fuzz
