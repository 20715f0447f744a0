// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/service-fds.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu {

namespace {

// Room that a restore wants above the highest descriptor, at the least.
constexpr rlim_t kRoom = 64;

}  // namespace

ServiceFds::ServiceFds(int highest) : base_(highest + 1) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = static_cast<rlim_t>(base_) + kRoom;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_max < wanted) {
    // Raising a hard limit takes CAP_SYS_RESOURCE, which a container's root may lack.
    const rlimit more{wanted + kRoom, wanted + kRoom};
    if (setrlimit(RLIMIT_NOFILE, &more) < 0)
      fail_errno("descriptor {} is to be restored, but this process may only open {} files",
                 highest, limit.rlim_max);
  }
}

UniqueFd ServiceFds::raise(UniqueFd fd) const {
  if (fd.get() >= base_) return fd;
  UniqueFd raised(fcntl(fd.get(), F_DUPFD_CLOEXEC, base_));
  if (!raised) fail_errno("cannot keep a descriptor at or above {}", base_);
  return raised;
}

}  // namespace criu
