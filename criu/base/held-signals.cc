// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/held-signals.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include "criu/base/error.h"

namespace criu {

namespace {

constexpr timespec kAtOnce{};

// signal(7), "Standard signals": all others end a process that has no handler.
bool would_end_process(int sig) {
  for (const int harmless : {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU})
    if (sig == harmless) return false;
  struct sigaction action {};
  return sigaction(sig, nullptr, &action) == 0 && action.sa_handler == SIG_DFL;
}

}  // namespace

DelayedSignals::DelayedSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

DelayedSignals::~DelayedSignals() {
  sigset_t all;
  sigfillset(&all);
  if (drops_)
    while (sigtimedwait(&all, nullptr, &kAtOnce) > 0 || errno == EINTR) continue;
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void DelayedSignals::check() const {
  sigset_t deadly;
  sigemptyset(&deadly);
  for (int sig = 1; sig < NSIG; sig++)
    if (!sigismember(&before_, sig) && would_end_process(sig)) sigaddset(&deadly, sig);
  const int sig = sigtimedwait(&deadly, nullptr, &kAtOnce);
  if (sig <= 0) return;
  const char* name = sigabbrev_np(sig);
  fail("it was interrupted by the signal {}",
       name != nullptr ? fmt::format("SIG{}", name) : fmt::format("{}", sig));
}

}  // namespace criu
