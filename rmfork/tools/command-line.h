// SPDX-License-Identifier: GPL-2.0-only
//
// The command line of rmforkctl, as data.
#ifndef RMFORK_TOOLS_COMMAND_LINE_H
#define RMFORK_TOOLS_COMMAND_LINE_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "rmfork/transport.h"

namespace rmfork::ctl {

// The command line makes no sense. what() is one sentence.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Command { kHelp, kVersion, kProbe, kStatus, kList, kInfo, kVerify, kFree, kForgetGuest };

struct Request {
  Command command = Command::kHelp;
  bool json = false;
  TransportChoice transport = TransportChoice::kAuto;
  // At most one of these three says which snapshots are meant.
  std::vector<std::uint64_t> offsets;
  std::string images;  // a directory; empty: not given
  bool all = false;
  std::vector<std::uint8_t> guest;  // the uuid, for kForgetGuest
};

// Throws UsageError.
Request parse_command_line(const std::vector<std::string>& args);

// "0x3000" or "12288". Throws UsageError, also for 0, where no snapshot can lie.
std::uint64_t parse_offset(const std::string& text);

// "1c9a3f0e-..." as RMFORK_UUID_BYTES bytes. Throws UsageError.
std::vector<std::uint8_t> parse_uuid(const std::string& text);

std::string help_text();
std::string version_text();

}  // namespace rmfork::ctl

#endif  // RMFORK_TOOLS_COMMAND_LINE_H
