// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/mount-points.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <functional>
#include <string_view>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"
#include "criu/files/file-handle.h"

namespace criu::files {

namespace {

// Nothing can be reached by a mount that another one lies over. A mount that tells of no number is
// taken for it.
bool leads_to(const std::string& point, uint64_t mount_id) {
  struct statx x {};
  constexpr int kAsItIs = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (statx(AT_FDCWD, point.c_str(), kAsItIs, STATX_MNT_ID, &x) < 0) return false;
  return (x.stx_mask & STATX_MNT_ID) == 0 || x.stx_mnt_id == mount_id;
}

// "36 35 98:0 /root /point ...": proc(5).
enum { kId, kParent, kDevice, kRoot, kPoint, kWords };
using Words = std::array<std::string_view, kWords>;

void each_mount(const std::function<void(const Words&)>& f) {
  proc::each_line(read_file("/proc/self/mountinfo"), [&](std::string_view line) {
    Words words;
    for (std::string_view& word : words) {
      word = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(word.size() + 1, line.size()));
    }
    f(words);
  });
}

}  // namespace

std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(proc::to_u64(text.substr(i + 1, 3), 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string> mount_points(uint32_t device) {
  const dev_t dev = user_dev(device);
  const std::string wanted = fmt::format("{}:{}", major(dev), minor(dev));
  std::vector<std::string> points;
  each_mount([&](const Words& words) {
    if (words[kDevice] != wanted) return;
    std::string point = unescape(words[kPoint]);
    if (leads_to(point, proc::to_u64(words[kId]))) points.push_back(std::move(point));
  });
  return points;
}

std::optional<std::string> mount_point_of(uint64_t mount_id) {
  std::optional<std::string> point;
  each_mount([&](const Words& words) {
    if (proc::to_u64(words[kId]) == mount_id) point = unescape(words[kPoint]);
  });
  if (point && !leads_to(*point, mount_id)) point.reset();
  return point;
}

}  // namespace criu::files
