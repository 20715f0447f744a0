// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/rmfork-bridge.h"

#include <fcntl.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "rmfork/entry.h"
#include "rmfork/meta-file.h"

namespace criu::mm {

namespace {

rmfork::TransportChoice choice_of(const std::string& name) {
  const auto choice = rmfork::parse_transport(name);
  if (!choice) fail("--rmfork-transport: {} is none of auto, syscall, device", name);
  return *choice;
}

rmfork::RestoreMode mode_of(const std::string& name) {
  const auto mode = rmfork::parse_restore_mode(name);
  if (!mode) fail("--rmfork-mode: {} is none of shared, copy, lazy", name);
  return *mode;
}

}  // namespace

RmforkDump::RmforkDump(const Options& options, const image::Directory& dir)
    : kernel_(rmfork::Kernel::open(choice_of(options.rmfork_transport))),
      session_(kernel_, dir.fd()) {}

void RmforkDump::dump(const AddressSpaceDump& mm, bool root) {
  std::vector<iovec> ranges;
  for (const Vma& v : mm.rmfork_vmas()) {
    const uint64_t end =
        ranges.empty() ? 0
                       : reinterpret_cast<uint64_t>(ranges.back().iov_base) + ranges.back().iov_len;
    if (end == v.start)
      ranges.back().iov_len += v.size();
    else
      ranges.push_back({reinterpret_cast<void*>(v.start), v.size()});
  }
  const rmfork::TaskSnapshot snapshot = save(mm, ranges, root);
  log::info("RMFork: task {} saved at meta offset {:#x} by {}", mm.pid(), snapshot.meta_off,
            kernel_.name());
  if (snapshot.info)
    log::info("RMFork: task {}: {} pages in ubmem", mm.pid(), snapshot.info->nr_pages);
}

rmfork::TaskSnapshot RmforkDump::save(const AddressSpaceDump& mm, std::span<const iovec> ranges,
                                      bool root) {
  try {
    return session_.save_task(mm.pid(), mm.pid(), ranges, root);
  } catch (const rmfork::PoolFull& e) {
    // Zero-filled pages take no room: the kernel may need less than is counted here.
    fail("{}; the task needs up to {:.1f} MiB; rmforkctl list shows what takes the room", e.what(),
         static_cast<double>(mm.rmfork_bytes()) / (1 << 20));
  }
}

void RmforkDump::write() {
  session_.record();
}

void RmforkDump::commit() {
  const uint64_t bytes = session_.stored_bytes();  // commit() forgets the snapshots
  session_.commit();
  if (bytes != 0) log::info("RMFork: {} bytes in ubmem", bytes);
}

RmforkRestore::RmforkRestore(const Options& options, const image::Directory& dir,
                             const ServiceFds& fds)
    : dir_(dir),
      fds_(fds),
      kernel_(rmfork::Kernel::open(choice_of(options.rmfork_transport))),
      mode_(mode_of(options.rmfork_mode)) {
  rmfork::check_restore_mode(kernel_, mode_);
}

rmfork_restore_call RmforkRestore::prepare(pid_t pid, bool single_task) {
  const rmfork::RestoreSource source =
      rmfork::prepare_restore(kernel_, dir_.fd(), pid, single_task);
  log::info("RMFork: task {} will be restored from meta offset {:#x} by {}", pid, source.meta_off,
            kernel_.name());
  rmfork_restore_call call = rmfork::make_restore_call(kernel_, source, 0, mode_);
  if (call.how == RMFORK_HOW_IOCTL) {
    if (!device_) device_ = fds_.raise(UniqueFd(fcntl(call.fd, F_DUPFD_CLOEXEC, 0)));
    call.fd = device_.get();
  }
  return call;
}

void settle_lazy_memory(const AddressSpaceDump& mm, const Options& options) {
  if (!mm.has_inserted_pages()) return;
  try {
    rmfork::Kernel kernel = rmfork::Kernel::open(choice_of(options.rmfork_transport));
    if (kernel.has(RMFORK_FEAT_LAZY)) kernel.settle(mm.pid());
  } catch (const rmfork::Error& e) {
    fail("task {} was restored by rmfork, perhaps lazily, which only rmfork can complete: {}",
         mm.pid(), e.what());
  }
}

void remove_rmfork_images(const image::Directory& dir) {
  std::vector<std::string> names = {rmfork::kMetaFileName};
  for (const pid_t pid : rmfork::list_entries(dir.fd()))
    names.push_back(rmfork::entry_file_name(pid));
  for (const std::string& name : names)
    if (unlinkat(dir.fd(), name.c_str(), 0) < 0 && errno != ENOENT)
      fail_errno("cannot remove the old {} in {}", name, dir.path());
}

bool rmfork_available(const std::string& transport, std::string& why_not) {
  try {
    rmfork::Kernel::open(choice_of(transport));
    return true;
  } catch (const std::exception& e) {
    why_not = e.what();
    return false;
  }
}

void route_rmfork_log() {
  rmfork::set_log_sink([](rmfork::LogLevel level, std::string_view text) {
    log::write(static_cast<log::Level>(level), text);
  });
}

}  // namespace criu::mm
