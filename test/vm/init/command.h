// SPDX-License-Identifier: GPL-2.0-only
//
// The channel to the host and the commands that run in the guest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vm {

// Frames to the host: one byte of kind, four bytes of length (little endian), the payload.
// vmlib/machine.py reads them.
class Channel {
 public:
  enum Kind : char {
    kStarted = 'B',  // the command is about to start
    kOut = 'O',      // bytes of its standard output
    kErr = 'E',      // bytes of its standard error
    kWarning = 'W',  // a message of ours that does not change the outcome of the command
    kFailure = 'F',  // a message of ours: the guest could not do what it was asked to
    kTimeout = 'T',  // the command was killed at its deadline
    kExit = 'X',     // its exit status, in decimal; 128+N for signal N
    kDone = 'D',     // nothing follows; the machine can be switched off
  };

  // Opens the virtio-serial port at `path`; throws std::runtime_error.
  explicit Channel(const std::string& path);
  void send(Kind kind, std::string_view payload) const;

 private:
  int fd_;
};

// Runs one command to its end as a child of process 1, whose duty to reap orphans it does
// meanwhile.
class Command {
 public:
  struct Outcome {
    int status = 0;  // as a shell would give it
    bool timed_out = false;
  };

  Command(std::vector<std::string> argv, std::string directory);

  // Passes both outputs on through the channel. timeout_ms < 0: no deadline.
  Outcome run(const Channel& channel, int timeout_ms) const;

 private:
  std::vector<std::string> argv_;
  std::string directory_;
};

// Kills every process but this one and waits for the last of them to be gone, so that whatever the
// kernel has to say about the end of their memory is in its log.
void end_all_processes();

}  // namespace vm
