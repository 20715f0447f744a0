// SPDX-License-Identifier: GPL-2.0-only
//
// Preparing a restore: everything that can be refused is refused here, before a task exists. What
// is left is one call, in a form that code without a C library can issue.
//
//   rmfork::Kernel kernel = rmfork::Kernel::open(choice);
//   auto source = rmfork::prepare_restore(kernel, images_dirfd, vpid, /*single_task=*/true);
//   args->rmfork = rmfork::make_restore_call(kernel, source, 0);
//   ... in the restorer: rmfork_issue(&args->rmfork)
#ifndef RMFORK_RESTORE_H
#define RMFORK_RESTORE_H

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "rmfork/entry.h"
#include "rmfork/kernel.h"
#include "rmfork/restore-call.h"

namespace rmfork {

struct RestoreSource {
  std::uint64_t meta_off = 0;
  std::optional<Entry> entry;       // absent: only rmfork.meta was there
  std::optional<rmfork_info> info;  // what the kernel says of it; absent: no extensions
};

// Finds task `vpid`'s snapshot and checks it. With `single_task`, rmfork.meta alone will do.
// Throws Error: no entry, a damaged one, one that contradicts rmfork.meta, or one
// whose pool, generation, size or checksum the kernel does not confirm.
RestoreSource prepare_restore(Kernel& kernel, int images_dirfd, pid_t vpid, bool single_task);

// The checks of the kernel's word alone. Throws Error with one sentence that names the old value
// and the new. Returns what INFO said; nullopt where the kernel has no extensions and the entry
// asks for none of them.
std::optional<rmfork_info> validate_entry(Kernel& kernel, const Entry& entry);

// Whether the images directory holds rmfork images at all.
bool has_rmfork_images(int images_dirfd);

// How pages come into the task: shared with ubmem until written to; copied, so that nothing depends
// on ubmem afterwards; or shared, each when it is first touched.
enum class RestoreMode { kShared, kCopy, kLazy };

// "shared", "copy", "lazy"; nullopt for anything else.
std::optional<RestoreMode> parse_restore_mode(std::string_view name);

// Throws Error, which names what is missing, where the kernel cannot restore that way.
void check_restore_mode(const Kernel& kernel, RestoreMode mode);

// A call that restores `source`: where the kernel can tell (RMFORK_FEAT_RESTORE_GENERATION), only
// the snapshot that was found, and ESTALE if another has come to its place by then. `pid` 0: into
// the task that issues it; else into that task, as numbered in the issuer's pid namespace, which
// the coordinator does for a task without the privilege. `iovs` is an address in the issuer's
// address space, 0 for everything.
//
// Over the device the call names the descriptor of `kernel`, which the issuer must still have
// open under that number, or replace in the result.
rmfork_restore_call make_restore_call(const Kernel& kernel, const RestoreSource& source, pid_t pid,
                                      RestoreMode mode = RestoreMode::kShared,
                                      std::uint64_t iovs = 0, std::uint64_t nr_iovs = 0);

}  // namespace rmfork

#endif  // RMFORK_RESTORE_H
