// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "criu/base/error.h"

namespace criu::unit {

// A directory that goes with its owner.
class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/criu-unit-XXXXXX";
    if (mkdtemp(name) == nullptr) fail_errno("mkdtemp");
    path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};

// The text of the Error that f throws, or "no error"; anything else that is thrown goes on.
template <typename F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// What f returns in a child process, whose limits and capabilities it may spoil.
template <typename F>
std::string in_child(F&& f) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) fail_errno("pipe2");
  const pid_t pid = fork();
  if (pid == 0) {
    close(fds[0]);
    std::string text;
    try {
      text = f();
    } catch (const std::exception& e) {
      text = std::string("thrown: ") + e.what();
    }
    _exit(::write(fds[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(fds[1]);
  std::string text;
  char piece[512];
  for (ssize_t n = 0; (n = ::read(fds[0], piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<size_t>(n));
  close(fds[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  return status == 0 ? text : "ended with wait status " + std::to_string(status);
}

}  // namespace criu::unit
