// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/held-signals.h"

#include <cerrno>
#include <ctime>

namespace criu {

HeldSignals::HeldSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

HeldSignals::~HeldSignals() {
  sigset_t all;
  sigfillset(&all);
  const timespec at_once{};
  while (sigtimedwait(&all, nullptr, &at_once) > 0 || errno == EINTR) continue;
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace criu
