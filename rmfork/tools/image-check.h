// SPDX-License-Identifier: GPL-2.0-only
//
// What images say of their snapshots, held against what the kernel says of the same places.
#ifndef RMFORK_TOOLS_IMAGE_CHECK_H
#define RMFORK_TOOLS_IMAGE_CHECK_H

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "rmfork/entry.h"
#include "rmfork/kernel.h"
#include "rmfork/tools/json.h"

namespace rmfork::ctl {

enum class ImageState {
  kPresent,        // the kernel has it, and every field agrees
  kGone,           // right pool, but nothing lies there any more
  kOtherPool,      // saved in another pool: the offset means nothing here
  kOtherSnapshot,  // something else lies there
  kDamaged,        // ubmem does not hold there what was written
  kUnidentified,   // something lies there, and the image does not say what it must be
  kUnreadable,     // the image itself is damaged
};

// "present", "gone", "other-pool", "other-snapshot", "damaged", "unidentified", "unreadable".
const char* state_name(ImageState state);

// One thing that both sides say.
struct Field {
  const char* key;    // in JSON
  const char* label;  // for people
  Json image;
  Json ubmem;  // null: the kernel was not asked, or there is nothing
  bool matches;
};

struct ImageCheck {
  std::string file;
  pid_t pid = 0;
  ImageState state = ImageState::kUnreadable;
  std::string note;                 // one sentence: why that state
  std::optional<Entry> entry;       // absent: unreadable
  std::vector<Field> fields;        // empty without an identity
  std::optional<rmfork_info> info;  // what lies at the offset, where the pool is the right one
};

// Every rmfork-<pid>.img of the directory, by pid. One that cannot be read is among them. The
// kernel must have RMFORK_FEAT_INFO. Throws Error: no such directory, none of these images in it,
// the kernel refuses to answer.
std::vector<ImageCheck> check_images(Kernel& kernel, const std::string& directory);

}  // namespace rmfork::ctl

#endif  // RMFORK_TOOLS_IMAGE_CHECK_H
