// SPDX-License-Identifier: GPL-2.0-only
#include "command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>

#include "setup.h"

namespace vm {

namespace {

constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;
constexpr int kSignalBase = 128;

void write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = write(fd, data, size);
    if (n < 0 && errno != EINTR) fail("write to the host");
    if (n > 0) {
      data += n;
      size -= static_cast<size_t>(n);
    }
  }
}

int64_t now_ms() {
  struct timespec ts {};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return int64_t{ts.tv_sec} * 1000 + ts.tv_nsec / 1'000'000;
}

struct Pipe {
  int read_end;
  int write_end;

  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
    read_end = ends[0];
    write_end = ends[1];
    // Only our end: the flag belongs to the open file, and the two ends are two of them.
    if (fcntl(read_end, F_SETFL, O_NONBLOCK) != 0) fail("make a pipe non-blocking");
  }
  ~Pipe() {
    close_write_end();
    close(read_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void close_write_end() {
    if (write_end >= 0) close(write_end);
    write_end = -1;
  }

  // Forwards what there is now. False at the end of the stream.
  bool forward(const Channel& channel, Channel::Kind kind) const {
    char buffer[32768];
    for (;;) {
      const ssize_t n = read(read_end, buffer, sizeof(buffer));
      if (n > 0)
        channel.send(kind, {buffer, static_cast<size_t>(n)});
      else if (n == 0)
        return false;
      else if (errno == EAGAIN)
        return true;
      else if (errno != EINTR)
        fail("read the output of the command");
    }
  }
};

// SIGCHLD as a descriptor.
class ChildEvents {
 public:
  ChildEvents() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd_ < 0) fail("signalfd");
  }
  ~ChildEvents() { close(fd_); }
  ChildEvents(const ChildEvents&) = delete;
  ChildEvents& operator=(const ChildEvents&) = delete;

  int fd() const { return fd_; }

  // Reaps every dead child; the status of `pid`, if it is among them.
  std::optional<int> reap(pid_t pid) const {
    struct signalfd_siginfo info;
    while (read(fd_, &info, sizeof(info)) > 0) {
    }
    std::optional<int> found;
    int status = 0;
    for (pid_t dead; (dead = waitpid(-1, &status, WNOHANG)) > 0;)
      if (dead == pid) found = status;
    return found;
  }

 private:
  int fd_;
};

int shell_status(int status) {
  return WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
}

[[noreturn]] void exec_child(const std::vector<std::string>& argv, const std::string& directory,
                             int out, int err) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  const int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
      chdir(directory.c_str()) != 0) {
    dprintf(err, "vm: cannot start in %s: %s\n", directory.c_str(), std::strerror(errno));
    _exit(kNotExecutable);
  }
  if (null > 2) close(null);
  std::vector<char*> pointers;
  for (const auto& arg : argv) pointers.push_back(const_cast<char*>(arg.c_str()));
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  dprintf(2, "vm: %s: %s\n", pointers[0], std::strerror(errno));
  _exit(errno == ENOENT ? kNotFound : kNotExecutable);
}

}  // namespace

Channel::Channel(const std::string& path) : fd_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
  if (fd_ < 0) fail("open " + path);
}

void Channel::send(Kind kind, std::string_view payload) const {
  const auto size = static_cast<uint32_t>(payload.size());
  std::array<char, 5> header = {static_cast<char>(kind)};
  for (unsigned i = 0; i < 4; i++) header[i + 1] = static_cast<char>(size >> (8 * i));
  write_all(fd_, header.data(), header.size());
  write_all(fd_, payload.data(), payload.size());
}

Command::Command(std::vector<std::string> argv, std::string directory)
    : argv_(std::move(argv)), directory_(std::move(directory)) {}

Command::Outcome Command::run(const Channel& channel, int timeout_ms) const {
  const ChildEvents children;
  Pipe out;
  Pipe err;
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) exec_child(argv_, directory_, out.write_end, err.write_end);
  out.close_write_end();
  err.close_write_end();

  Outcome outcome;
  std::optional<int> status;
  const int64_t deadline = now_ms() + timeout_ms;
  std::array<struct pollfd, 3> fds = {
      {{children.fd(), POLLIN, 0}, {out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}}};
  while (!status) {
    const int64_t left = timeout_ms < 0 ? -1 : deadline - now_ms();
    if (timeout_ms >= 0 && left <= 0 && !outcome.timed_out) {
      outcome.timed_out = true;
      channel.send(Channel::kTimeout, "");
      kill(-1, SIGKILL);
    }
    const int ready = poll(fds.data(), fds.size(), outcome.timed_out ? -1 : static_cast<int>(left));
    if (ready < 0 && errno != EINTR) fail("poll");
    if (fds[1].revents != 0 && !out.forward(channel, Channel::kOut)) fds[1].fd = -1;
    if (fds[2].revents != 0 && !err.forward(channel, Channel::kErr)) fds[2].fd = -1;
    if (fds[0].revents != 0) status = children.reap(pid);
  }
  // Processes left behind may hold the pipes open: take what is there, do not wait for their end.
  out.forward(channel, Channel::kOut);
  err.forward(channel, Channel::kErr);
  outcome.status = shell_status(*status);
  return outcome;
}

void end_all_processes() {
  while (kill(-1, SIGKILL) == 0) {
    // One reaped process may uncover others that were started in the meantime.
    while (waitpid(-1, nullptr, 0) > 0) {
    }
    if (errno == ECHILD) break;
  }
}

}  // namespace vm
