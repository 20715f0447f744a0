// SPDX-License-Identifier: GPL-2.0-only
//
// rmforkctl: what the administrator of ubmem asks and orders. Everything but main(), so that
// tests can put another kernel and other streams in.
//
//   rmfork::ctl::Environment env{std::cout, std::cerr, {}};
//   return rmfork::ctl::run({"list", "--json"}, env);
#ifndef RMFORK_TOOLS_CTL_H
#define RMFORK_TOOLS_CTL_H

#include <iosfwd>
#include <string>
#include <vector>

#include "rmfork/transport.h"

namespace rmfork::ctl {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;      // it could not be done, or the answer is no
inline constexpr int kWrongUsage = 2;  // the command line makes no sense; nothing was done

// Borrows the streams.
struct Environment {
  std::ostream& out;
  std::ostream& err;
  TransportSources sources;
};

// Runs one command line, without the program's name. Returns the exit status. Never throws for what
// can go wrong with the kernel, the images or the command line: that is one sentence on `err`.
int run(const std::vector<std::string>& args, const Environment& env);

}  // namespace rmfork::ctl

#endif  // RMFORK_TOOLS_CTL_H
