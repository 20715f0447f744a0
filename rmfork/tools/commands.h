// SPDX-License-Identifier: GPL-2.0-only
//
// The commands of rmforkctl. Each prints its answer, as text or JSON, on the output stream, says on
// the other one in a sentence what is wrong, and returns the exit status. Each throws Error.
#ifndef RMFORK_TOOLS_COMMANDS_H
#define RMFORK_TOOLS_COMMANDS_H

#include <cstdint>
#include <string_view>

#include "rmfork/kernel.h"
#include "rmfork/tools/command-line.h"
#include "rmfork/tools/ctl.h"
#include "rmfork/tools/json.h"

namespace rmfork::ctl {

int probe_kernel(const Environment& env, const Request& request);
int show_status(const Environment& env, const Request& request);
int list_snapshots(const Environment& env, const Request& request);
int show_info(const Environment& env, const Request& request);
int verify_snapshots(const Environment& env, const Request& request);
int free_snapshots(const Environment& env, const Request& request);
int forget_guest(const Environment& env, const Request& request);

// What they have in common.

// The kernel by the way that was asked for; it must have all of `features`. `doing` is for the
// message: "list snapshots". Throws Error.
Kernel open_kernel(const Environment& env, const Request& request, std::uint64_t features,
                   std::string_view doing);

// "rmforkctl: SENTENCE" on the error stream.
void complain(const Environment& env, std::string_view sentence);

void print_json(const Environment& env, const Json& value);

// What LIST and INFO tell, with the keys of the man page.
Json snapshot_json(const rmfork_info& info);

// The names of the set bits.
Json features_json(std::uint64_t features);

}  // namespace rmfork::ctl

#endif  // RMFORK_TOOLS_COMMANDS_H
