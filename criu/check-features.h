// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>
#include <span>
#include <string>

namespace criu {

// How much a dump or a restore needs a feature.
enum class Need {
  kAlways,        // nothing works without it
  kUseful,        // it is faster, or does more
  kExtra,         // some programs need it: check --extra
  kExperimental,  // few do: check --experimental
};

// Something that a kernel may have. probe: nothing returned where it is there, else why not; it
// changes nothing that lasts.
struct Feature {
  const char* name;
  const char* what;
  Need need;
  std::function<std::string()> probe;
};

// Those that check itself looks at, and those whose names come from CRIU's interface.
std::span<const Feature> interface_features();

// For probes: "what: the text of errno".
std::string errno_text(const char* what);

}  // namespace criu
