// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <span>
#include <vector>

#include "criu/base/service-fds.h"
#include "criu/config.h"
#include "criu/image/image-file.h"
#include "criu/mm/mm-dump.h"
#include "rmfork/dump.h"
#include "rmfork/error.h"
#include "rmfork/restore.h"

// The one place where the tool meets rmfork: --enable-rmfork.
namespace criu::mm {

// Private memory of the tasks of a dump, by the kernel. What was saved is freed again unless
// commit() is reached. Errors are rmfork::Error or Error.
class RmforkDump {
 public:
  // Opens the transport; throws where this kernel has no rmfork.
  RmforkDump(const Options& options, const image::Directory& dir);

  // Saves one stopped task, which must not be infected: the kernel sees all of its memory. Leaves
  // the images directory as it is.
  void dump(const AddressSpaceDump& mm, bool root);
  // All tasks are saved: writes where.
  void write();
  void commit();

 private:
  rmfork::TaskSnapshot save(const AddressSpaceDump& mm, std::span<const iovec> ranges, bool root);

  rmfork::Kernel kernel_;
  rmfork::DumpSession session_;
};

// The restore's side. Everything that can be refused is refused here, before a task exists.
class RmforkRestore {
 public:
  RmforkRestore(const Options& options, const image::Directory& dir, const ServiceFds& fds);

  // The call that task `pid` has to make, once its mappings are at their places.
  // single_task: an images directory with nothing but rmfork.meta will do.
  rmfork_restore_call prepare(pid_t pid, bool single_task);

 private:
  const image::Directory& dir_;
  const ServiceFds& fds_;
  rmfork::Kernel kernel_;
  rmfork::RestoreMode mode_;
  UniqueFd device_;  // where the tasks inherit it
};

// Where a lazy restore has left pages of a stopped task to the first touch, puts them in: the
// page map does not show them. Throws if the kernel cannot be asked.
void settle_lazy_memory(const AddressSpaceDump& mm, const Options& options);

// Removes what an earlier dump into this directory says of ubmem: a restore would take it for
// part of the next dump. The snapshots themselves stay, and LIST still names them.
void remove_rmfork_images(const image::Directory& dir);

// Whether this kernel has rmfork; the reason where it has not.
bool rmfork_available(const std::string& transport, std::string& why_not);

// Lets rmfork's own messages go to the log.
void route_rmfork_log();

}  // namespace criu::mm
