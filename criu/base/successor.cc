// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/successor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"

namespace criu {

namespace {

constexpr char kComplete = 'c', kLeave = 'l';

// The next word; 0 when the other end has gone.
char listen_to(int fd) {
  char word = 0;
  ssize_t n = 0;
  while ((n = read(fd, &word, 1)) < 0 && errno == EINTR) continue;
  return n == 1 ? word : '\0';
}

}  // namespace

Successor::Successor(const std::function<void()>& on_death, const std::function<void()>& on_order) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) fail_errno("cannot make a pipe");
  const UniqueFd reading(ends[0]);
  words_.reset(ends[1]);
  pid_ = fork();
  if (pid_ < 0) fail_errno("cannot make a helper");
  if (pid_ != 0) return;
  words_.reset();
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  setsid();
  const char word = listen_to(reading.get());
  if (word == kComplete) on_order();
  if (word == 0) on_death();
  _exit(0);
}

Successor::~Successor() {
  if (pid_ > 0) say(kLeave);
}

void Successor::order() {
  say(kComplete);
}

// It may have been killed: then it hears nothing.
void Successor::say(char word) {
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);
  const ssize_t said = write(words_.get(), &word, 1);
  sigaction(SIGPIPE, &before, nullptr);
  words_.reset();
  while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
  pid_ = -1;
  if (said != 1) errno = EPIPE;
}

}  // namespace criu
