// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/service-fds.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu {

namespace {

// Room that a restore wants, at the least, and where that can be had: of what several tasks have in
// common each file, and of shared memory each object has a descriptor meanwhile.
constexpr int kRoom = 64, kAmpleRoom = 1 << 16;

// As far as this process may go. Raising the hard limit takes CAP_SYS_RESOURCE, which a container's
// root may lack, and nobody gets beyond /proc/sys/fs/nr_open.
int raise_limit(int highest) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (const int room : {kAmpleRoom, 4 * kRoom}) {
    const auto wanted = static_cast<rlim_t>(highest) + 1 + static_cast<rlim_t>(room);
    if (limit.rlim_max >= wanted) break;
    const rlimit more{wanted, wanted};
    if (setrlimit(RLIMIT_NOFILE, &more) == 0) return static_cast<int>(wanted);
    log::debug("The limit of open files stays at {}, not {}", limit.rlim_max, wanted);
  }
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, INT_MAX));
}

}  // namespace

ServiceFds::ServiceFds(const std::set<int>& used) {
  const int highest = used.empty() ? STDERR_FILENO : std::max(STDERR_FILENO, *used.rbegin());
  const int limit = raise_limit(highest);
  base_ = highest + 1;
  last_ = limit - 1;
  if (last_ - base_ >= kRoom) return;
  int before = STDERR_FILENO;
  for (const int fd : used) {
    if (fd - before - 2 > last_ - base_) base_ = before + 1, last_ = fd - 1;
    before = std::max(before, fd);
  }
  if (last_ - base_ < kRoom)
    fail("descriptor {} is to be restored, but this process may only open {} files", highest,
         limit);
}

void ServiceFds::close_others() const {
  if (close_range(0, static_cast<unsigned>(base_ - 1), 0) < 0 ||
      close_range(static_cast<unsigned>(last_) + 1, ~0U, 0) < 0)
    fail_errno("cannot close the inherited descriptors");
}

void ServiceFds::make_room(size_t more) const {
  const UniqueFd any = open_path("/", O_PATH);
  const size_t highest =
      std::min(static_cast<size_t>(base_ + kRoom) + more, static_cast<size_t>(last_));
  const UniqueFd grown(fcntl(any.get(), F_DUPFD_CLOEXEC, static_cast<int>(highest)));
}

UniqueFd ServiceFds::raise(UniqueFd fd) const {
  if (fd.get() >= base_ && fd.get() <= last_) return fd;
  UniqueFd raised(fcntl(fd.get(), F_DUPFD_CLOEXEC, base_));
  if (!raised || raised.get() > last_)
    fail("no descriptor is left between {} and {}: raise the limit of open files", base_, last_);
  return raised;
}

}  // namespace criu
