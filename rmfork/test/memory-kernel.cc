// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/memory-kernel.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace rmfork::test {
namespace {

class MemoryTransport : public Transport {
 public:
  explicit MemoryTransport(MemoryKernel& kernel) : kernel_(kernel) {}
  long call(rmfork_kargs& kargs) override { return kernel_.call(kargs); }
  std::string name() const override { return "memory"; }
  void describe(rmfork_restore_call& call) const override {
    call.how = RMFORK_HOW_IOCTL;
    call.fd = 77;
    call.request = RMFORK_IOCTL;
  }

 private:
  MemoryKernel& kernel_;
};

template <typename T>
long fill(const rmfork_kargs& kargs, const T& value) {
  if (kargs.nr_iovs != sizeof(T)) return -EINVAL;
  memcpy(reinterpret_cast<void*>(kargs.va), &value, sizeof(T));
  return 0;
}

}  // namespace

std::unique_ptr<Transport> MemoryKernel::transport() {
  return std::make_unique<MemoryTransport>(*this);
}

TransportSources MemoryKernel::sources() {
  TransportSources sources;
  sources.device_path = "/nonexistent/rmfork";
  sources.issue = [this](long, void* arg) -> long {
    return arg ? call(*static_cast<rmfork_kargs*>(arg)) : -EFAULT;
  };
  return sources;
}

long MemoryKernel::call(rmfork_kargs& kargs) {
  switch (kargs.rmfork_opt) {
    case RMFORK_OP_DUMP:
      return dump(kargs);
    case RMFORK_OP_RESTORE_ONE:
      return restore(kargs);
  }
  if (!extensions) return -EINVAL;
  switch (kargs.rmfork_opt) {
    case RMFORK_OP_QUERY:
      return query(kargs);
    case RMFORK_OP_FREE:
      return free(kargs);
    case RMFORK_OP_INFO:
    case RMFORK_OP_IDENTIFY:
      return info(kargs);
    case RMFORK_OP_LIST:
      return list(kargs);
    case RMFORK_OP_SESSION:
      return session();
    case RMFORK_OP_COMMIT:
      return commit(kargs);
    case RMFORK_OP_VERIFY:
      return verify(kargs);
    case RMFORK_OP_GUESTS:
      return next_guest(kargs);
    case RMFORK_OP_FORGET:
      return forget(kargs);
    default:
      return -EINVAL;
  }
}

long MemoryKernel::dump(rmfork_kargs& kargs) {
  dumps.push_back(kargs);
  if (next_result) return std::exchange(next_result, 0);
  if ((snapshots.size() + 1) * kTakes > pages) return -ENOSPC;
  rmfork_info i = {};
  i.generation = ++generation;
  i.meta_off = i.generation * kTakes * RMFORK_PAGE_SIZE;
  i.nr_pages = 10;
  i.nr_ranges = 3;
  i.stored_bytes = kTakes * RMFORK_PAGE_SIZE;
  i.shared_bytes = shared_pages * RMFORK_PAGE_SIZE;
  i.index_checksum = 0xabcd0000u + static_cast<unsigned>(i.generation);
  i.size = sizeof(i);
  if (forced_off != ~0ULL) i.meta_off = std::exchange(forced_off, ~0ULL);
  snapshots[i.meta_off] = i;
  kargs.pa = i.meta_off;
  return 0;
}

long MemoryKernel::restore(const rmfork_kargs& kargs) {
  restores.push_back(kargs);
  if (next_result) return std::exchange(next_result, 0);
  if (kargs.va && (!extensions || (features & RMFORK_FEAT_RESTORE_GENERATION) == 0)) return -EINVAL;
  auto it = snapshots.find(kargs.pa);
  if (it == snapshots.end()) return -ENOENT;
  return kargs.va && kargs.va != it->second.generation ? -ESTALE : 0;
}

long MemoryKernel::query(const rmfork_kargs& kargs) {
  rmfork_query q = {};
  q.abi_version = RMFORK_ABI_VERSION;
  q.size = sizeof(q);
  q.features = features;
  memcpy(q.pool_uuid, uuid, sizeof(uuid));
  q.pool_bytes = pages * RMFORK_PAGE_SIZE;
  q.free_bytes = (pages - snapshots.size() * kTakes) * RMFORK_PAGE_SIZE;
  q.generation = generation;
  q.snapshots = snapshots.size();
  q.role = guest ? RMFORK_ROLE_GUEST : RMFORK_ROLE_OWNER;
  q.guests = static_cast<unsigned>(guests.size());
  q.kept = kept;
  if (guest) memset(q.guest_uuid, 7, sizeof(q.guest_uuid));
  return fill(kargs, q);
}

long MemoryKernel::info(const rmfork_kargs& kargs) {
  if (kargs.rmfork_opt == RMFORK_OP_INFO)
    infos++;
  else if ((features & RMFORK_FEAT_IDENTIFY) == 0)
    return -EINVAL;
  auto it = snapshots.find(kargs.pa);
  if (std::ranges::find(headless, kargs.pa) != headless.end()) return -EBADMSG;
  return it == snapshots.end() ? -ENOENT : fill(kargs, it->second);
}

long MemoryKernel::list(rmfork_kargs& kargs) {
  for (const auto& [off, i] : snapshots) {
    if (i.generation <= kargs.pa && !stuck_cursor) continue;
    long ret = fill(kargs, i);
    kargs.pa = i.generation;
    return ret ? ret : 1;
  }
  return 0;
}

// A descriptor, but closing it frees nothing here.
long MemoryKernel::session() {
  if ((features & RMFORK_FEAT_SESSION) == 0) return -EINVAL;
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

long MemoryKernel::commit(const rmfork_kargs& kargs) {
  if (next_result) return std::exchange(next_result, 0);
  committed.push_back(kargs.va);
  return 0;
}

long MemoryKernel::free(const rmfork_kargs& kargs) {
  if (before_free) std::exchange(before_free, nullptr)();
  if (guest) return -EROFS;
  if (kargs.va && (features & RMFORK_FEAT_FREE_GENERATION) == 0) return -EINVAL;
  auto it = snapshots.find(kargs.pa);
  if (it == snapshots.end()) return -ENOENT;
  if (kargs.va && kargs.va != it->second.generation) return -ESTALE;
  snapshots.erase(it);
  return 0;
}

long MemoryKernel::next_guest(rmfork_kargs& kargs) {
  if ((features & RMFORK_FEAT_GUESTS) == 0) return -EINVAL;
  if (kargs.pa >= guests.size()) return 0;
  long ret = fill(kargs, guests[kargs.pa++]);
  return ret ? ret : 1;
}

long MemoryKernel::forget(const rmfork_kargs& kargs) {
  if (guest) return -EROFS;
  const auto is_that = [&](const rmfork_guest& g) {
    return memcmp(g.uuid, reinterpret_cast<const void*>(kargs.va), kargs.nr_iovs) == 0;
  };
  return kargs.nr_iovs == RMFORK_UUID_BYTES && std::erase_if(guests, is_that) ? 0 : -ENOENT;
}

long MemoryKernel::verify(const rmfork_kargs& kargs) {
  if (kargs.va && (features & RMFORK_FEAT_VERIFY_POOL) == 0) return -EINVAL;
  if (kargs.pa != 0 && snapshots.count(kargs.pa) == 0) return -ENOENT;
  if (kargs.pa != 0 && verify_result) return verify_result;
  const rmfork_damage damage = found[kargs.pa];
  if (kargs.va && fill(kargs, damage) != 0) return -EINVAL;
  if (damage.what != RMFORK_DAMAGE_NONE) return -EBADMSG;
  return std::ranges::find(damaged, kargs.pa) == damaged.end() ? 0 : -EBADMSG;
}

TempDir::TempDir() {
  char path[] = "/tmp/rmfork-unit-XXXXXX";
  if (!mkdtemp(path)) throw std::runtime_error("mkdtemp");
  path_ = path;
  fd_ = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) throw std::runtime_error("open");
}

TempDir::~TempDir() {
  close(fd_);
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TempDir::write(const std::string& name, const std::string& contents) const {
  std::ofstream out(path_ + "/" + name, std::ios::binary);
  out << contents;
  if (!out.flush()) throw std::runtime_error("write");
}

std::string TempDir::read(const std::string& name) const {
  std::ifstream in(path_ + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> TempDir::names() const {
  std::vector<std::string> all;
  for (const auto& e : std::filesystem::directory_iterator(path_))
    all.push_back(e.path().filename());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace rmfork::test
