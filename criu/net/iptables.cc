// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/iptables.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/write-signals.h"

namespace criu::net {

namespace {

UniqueFd make_file(const char* name) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC));
  if (!fd) fail_errno("cannot make a file in memory");
  return fd;
}

// The exit status.
int run(const char* program, int input, int errors) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, errors, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
  const sigset_t ignored_here = write_signals();
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &ignored_here);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::string name(program), wait("--wait"), keep("--noflush");
  char* argv[] = {name.data(), wait.data(), keep.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, program, &files, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) fail("cannot run {}: {}", program, strerror(error));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail_errno("cannot wait for {}", program);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

void run_iptables(const char* program, const std::string& commands) {
  const UniqueFd input = make_file("iptables"), errors = make_file("iptables-errors");
  write_all(input.get(), commands.data(), commands.size(), program);
  lseek(input.get(), 0, SEEK_SET);
  if (run(program, input.get(), errors.get()) == 0) return;
  std::string said(200, '\0');
  const ssize_t n = pread(errors.get(), said.data(), said.size(), 0);
  said.resize(n > 0 ? static_cast<size_t>(n) : 0);
  fail("{}: {}", program, said.substr(0, said.find('\n')));
}

}  // namespace criu::net
