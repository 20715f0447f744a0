// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/restore.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "rmfork/error.h"
#include "rmfork/meta-file.h"
#include "rmfork/src/format.h"

namespace rmfork {
namespace {

void check_pool(const rmfork_query& pool, const EntryIdentity& id) {
  if (id.abi_version > pool.abi_version)
    throw Error(rmfork::format("the images were saved by rmfork ABI version {}, this kernel has {}",
                               id.abi_version, pool.abi_version));
  if (!std::equal(id.pool_uuid.begin(), id.pool_uuid.end(), std::begin(pool.pool_uuid)))
    throw Error(rmfork::format(
        "the images were saved in the ubmem pool {}, this kernel has the pool {}: the memory is "
        "gone after a reboot or a reload of the module",
        uuid_text(id.pool_uuid), uuid_text(pool.pool_uuid)));
}

void check_same(std::uint64_t off, const char* what, std::uint64_t image, std::uint64_t kernel) {
  if (image == kernel) return;
  throw Error(rmfork::format(
      "the images name a snapshot at {:#x} of {} {}, the one there has {} (rmforkctl "
      "info --images shows all that differs)",
      off, what, image, kernel));
}

rmfork_info existing(Kernel& kernel, std::uint64_t off) {
  try {
    return kernel.identify(off);
  } catch (const Error& e) {
    if (e.err() == ENOENT)
      throw Error(rmfork::format(
          "no snapshot lies at {:#x} in ubmem: it was freed (rmforkctl list shows what is there)",
          off));
    if (e.err() == EBADMSG)
      throw Error(rmfork::format(
          "the snapshot at {:#x} in ubmem is damaged (rmforkctl verify checks the others)", off));
    throw;
  }
}

RestoreSource from_entry(Kernel& kernel, int dirfd, Entry entry, bool single_task) {
  if (single_task) {
    auto meta = read_meta_file(dirfd);
    if (meta && *meta != entry.meta_off)
      throw Error(rmfork::format("{} says {:#x} and {} says {:#x}: they are not of one dump",
                                 kMetaFileName, *meta, entry_file_name(entry.vpid),
                                 entry.meta_off));
  }
  RestoreSource source;
  source.meta_off = entry.meta_off;
  source.info = validate_entry(kernel, entry);
  source.entry = std::move(entry);
  return source;
}

}  // namespace

std::optional<rmfork_info> validate_entry(Kernel& kernel, const Entry& entry) {
  if (!entry.identity) {
    // Saved by a kernel that could not say more: that something is there is all there is to ask.
    if (kernel.has(RMFORK_FEAT_INFO)) return existing(kernel, entry.meta_off);
    return std::nullopt;
  }
  const EntryIdentity& id = *entry.identity;
  if (!kernel.has(RMFORK_FEAT_INFO))
    throw Error(rmfork::format(
        "the images were saved in the ubmem pool {}, and {} cannot tell which it has",
        uuid_text(id.pool_uuid), kernel.name()));
  check_pool(kernel.query(), id);
  rmfork_info info = existing(kernel, entry.meta_off);
  check_same(entry.meta_off, "generation", id.generation, info.generation);
  check_same(entry.meta_off, "page count", id.nr_pages, info.nr_pages);
  check_same(entry.meta_off, "range count", id.nr_ranges, info.nr_ranges);
  check_same(entry.meta_off, "index checksum", id.index_checksum, info.index_checksum);
  return info;
}

RestoreSource prepare_restore(Kernel& kernel, int images_dirfd, pid_t vpid, bool single_task) {
  if (auto entry = read_entry(images_dirfd, vpid))
    return from_entry(kernel, images_dirfd, std::move(*entry), single_task);
  if (!single_task)
    throw Error(rmfork::format("the images directory has no {}", entry_file_name(vpid)));
  auto meta = read_meta_file(images_dirfd);
  if (!meta)
    throw Error(rmfork::format("the images directory has neither {} nor {}", entry_file_name(vpid),
                               kMetaFileName));
  RestoreSource source;
  source.meta_off = *meta;
  if (kernel.has(RMFORK_FEAT_INFO)) source.info = existing(kernel, *meta);
  log(LogLevel::kWarning,
      rmfork::format("rmfork: only {} tells where task {} lies: its pool cannot be checked",
                     kMetaFileName, vpid));
  return source;
}

bool has_rmfork_images(int images_dirfd) {
  struct stat st;
  if (fstatat(images_dirfd, kMetaFileName, &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno != ENOENT) throw Error(rmfork::format("looking for {}", kMetaFileName), errno);
  return !list_entries(images_dirfd).empty();
}

namespace {

struct ModeTraits {
  RestoreMode mode;
  const char* name;
  std::uint64_t operation;
  std::uint64_t feature;  // 0: every kernel can
  const char* wanted;     // what a kernel without it lacks
};

constexpr ModeTraits kModes[] = {
    {RestoreMode::kShared, "shared", RMFORK_OP_RESTORE_ONE, 0, ""},
    {RestoreMode::kCopy, "copy", RMFORK_OP_RESTORE_ALL, RMFORK_FEAT_RESTORE_ALL,
     "it takes the rmfork module"},
    {RestoreMode::kLazy, "lazy", RMFORK_OP_RESTORE_LAZY, RMFORK_FEAT_LAZY,
     "it takes the rmfork module on Linux 6.1 or 6.2, as later kernels do not tell it what is "
     "given up"},
};

const ModeTraits& traits(RestoreMode mode) {
  return *std::ranges::find(kModes, mode, &ModeTraits::mode);
}

}  // namespace

std::optional<RestoreMode> parse_restore_mode(std::string_view name) {
  for (const ModeTraits& t : kModes)
    if (name == t.name) return t.mode;
  return std::nullopt;
}

void check_restore_mode(const Kernel& kernel, RestoreMode mode) {
  if (traits(mode).feature != 0 && !kernel.has(traits(mode).feature))
    throw Error(rmfork::format("{} has no restore of the mode \"{}\": {}", kernel.name(),
                               traits(mode).name, traits(mode).wanted));
}

rmfork_restore_call make_restore_call(const Kernel& kernel, const RestoreSource& source, pid_t pid,
                                      RestoreMode mode, std::uint64_t iovs, std::uint64_t nr_iovs) {
  rmfork_restore_call call = {};
  kernel.transport().describe(call);
  call.kargs.rmfork_opt = traits(mode).operation;
  call.kargs.pid = static_cast<std::uint64_t>(pid);
  call.kargs.pa = source.meta_off;
  if (source.info && kernel.has(RMFORK_FEAT_RESTORE_GENERATION))
    call.kargs.va = source.info->generation;
  call.kargs.iovs = iovs;
  call.kargs.nr_iovs = nr_iovs;
  return call;
}

}  // namespace rmfork
