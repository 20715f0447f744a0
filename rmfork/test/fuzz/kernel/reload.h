// SPDX-License-Identifier: GPL-2.0-only
//
// The module goes, and comes back with a pool of one's choice.
#ifndef RMFORK_TEST_FUZZ_KERNEL_RELOAD_H
#define RMFORK_TEST_FUZZ_KERNEL_RELOAD_H

#include <string>

#include "rmfork/test/fuzz/kernel/module.h"

namespace rmfork::fuzz {

// Closes the device and unloads the module. False, and the device is open again: it is in use, also
// after some time if `patiently`. Throws rmfork::Error.
bool unload(Module& module, bool patiently);

// Throws rmfork::Error.
void load(Module& module, const std::string& file, const std::string& parameters);

// Those that the loaded module has for a pool of memory that it allocates.
std::string allocated_pool();

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_RELOAD_H
