// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/tools/image-check.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "rmfork/error.h"
#include "rmfork/fd.h"
#include "rmfork/meta-file.h"
#include "rmfork/src/format.h"
#include "rmfork/tools/text.h"

namespace rmfork::ctl {
namespace {

bool same_pool(const EntryIdentity& id, const rmfork_query& pool) {
  return std::equal(id.pool_uuid.begin(), id.pool_uuid.end(), std::begin(pool.pool_uuid));
}

Field number_field(const char* key, const char* label, std::uint64_t image,
                   const std::optional<rmfork_info>& info, __u64 rmfork_info::*member) {
  if (!info) return {key, label, image, nullptr, false};
  return {key, label, image, (*info).*member, (*info).*member == image};
}

// `info` absent: nothing to compare with at the offset.
std::vector<Field> compare(const EntryIdentity& id, const rmfork_query& pool,
                           const std::optional<rmfork_info>& info) {
  std::vector<Field> fields;
  // An older image is as good for a newer kernel.
  fields.push_back({"abi_version", "ABI version", id.abi_version, pool.abi_version,
                    id.abi_version <= pool.abi_version});
  fields.push_back({"pool_uuid", "pool", uuid_text(id.pool_uuid), uuid_text(pool.pool_uuid),
                    same_pool(id, pool)});
  fields.push_back(
      number_field("generation", "generation", id.generation, info, &rmfork_info::generation));
  fields.push_back(number_field("pages", "pages", id.nr_pages, info, &rmfork_info::nr_pages));
  fields.push_back(number_field("ranges", "ranges", id.nr_ranges, info, &rmfork_info::nr_ranges));
  fields.push_back({"index_checksum", "index checksum", checksum_text(id.index_checksum),
                    info ? Json(checksum_text(info->index_checksum)) : Json(nullptr),
                    info && info->index_checksum == id.index_checksum});
  return fields;
}

// INFO, or the state that its error means.
std::optional<rmfork_info> ask(Kernel& kernel, std::uint64_t off, ImageCheck& check) {
  try {
    return kernel.info(off);
  } catch (const Error& e) {
    if (e.err() == ENOENT) {
      check.state = ImageState::kGone;
      check.note = rmfork::format("no snapshot lies at {:#x}: it was freed", off);
    } else if (e.err() == EBADMSG) {
      check.state = ImageState::kDamaged;
      check.note = rmfork::format("the header at {:#x} is damaged", off);
    } else {
      throw;
    }
    return std::nullopt;
  }
}

void judge_fields(ImageCheck& check) {
  const auto differs = std::ranges::find(check.fields, false, &Field::matches);
  if (differs == check.fields.end()) {
    check.state = ImageState::kPresent;
    check.note = "it is there, and it is the one that was saved";
    return;
  }
  check.state = ImageState::kOtherSnapshot;
  check.note =
      rmfork::format("another snapshot lies at {:#x}: {} {} and not {}", check.entry->meta_off,
                     differs->label, differs->ubmem.plain(), differs->image.plain());
}

void check_entry(Kernel& kernel, const rmfork_query& pool, ImageCheck& check) {
  const Entry& entry = *check.entry;
  if (!entry.identity) {
    if (!(check.info = ask(kernel, entry.meta_off, check))) return;
    check.state = ImageState::kUnidentified;
    check.note = rmfork::format(
        "a snapshot lies at {:#x}, but the image does not say which one was saved", entry.meta_off);
    return;
  }
  if (!same_pool(*entry.identity, pool)) {
    check.fields = compare(*entry.identity, pool, std::nullopt);
    check.state = ImageState::kOtherPool;
    check.note = rmfork::format("saved in the pool {}, this is the pool {}",
                                uuid_text(entry.identity->pool_uuid), uuid_text(pool.pool_uuid));
    return;
  }
  check.info = ask(kernel, entry.meta_off, check);
  check.fields = compare(*entry.identity, pool, check.info);
  if (check.info) judge_fields(check);
}

ImageCheck check_image(Kernel& kernel, const rmfork_query& pool, int dirfd, pid_t pid) {
  ImageCheck check;
  check.pid = pid;
  check.file = entry_file_name(pid);
  try {
    check.entry = read_entry(dirfd, pid);
    if (!check.entry) throw Error(rmfork::format("{} has just been removed", check.file));
  } catch (const Error& e) {
    check.note = e.what();
    return check;
  }
  check_entry(kernel, pool, check);
  return check;
}

[[noreturn]] void refuse_without_entries(int dirfd, const std::string& directory) {
  const auto meta = read_meta_file(dirfd);
  if (meta)
    throw Error(
        rmfork::format("{} has no rmfork-PID.img: its {} names the snapshot at {:#x}, and nothing "
                       "tells whether that is the same one still",
                       directory, kMetaFileName, *meta));
  throw Error(rmfork::format("{} has no rmfork-PID.img: these are no images of rmfork", directory));
}

}  // namespace

const char* state_name(ImageState state) {
  switch (state) {
    case ImageState::kPresent:
      return "present";
    case ImageState::kGone:
      return "gone";
    case ImageState::kOtherPool:
      return "other-pool";
    case ImageState::kOtherSnapshot:
      return "other-snapshot";
    case ImageState::kDamaged:
      return "damaged";
    case ImageState::kUnidentified:
      return "unidentified";
    default:
      return "unreadable";
  }
}

std::vector<ImageCheck> check_images(Kernel& kernel, const std::string& directory) {
  Fd dir(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) throw Error(rmfork::format("opening the images directory {}", directory), errno);
  std::vector<pid_t> pids = list_entries(dir.get());
  if (pids.empty()) refuse_without_entries(dir.get(), directory);
  std::ranges::sort(pids);
  const rmfork_query pool = kernel.query();
  std::vector<ImageCheck> checks;
  for (const pid_t pid : pids) checks.push_back(check_image(kernel, pool, dir.get(), pid));
  return checks;
}

}  // namespace rmfork::ctl
