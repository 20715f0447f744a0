// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>

namespace criu::files {

// What a line discipline has no room for waits in the terminal's buffers, as it was written at the
// other end: drivers/tty/tty_buffer.c. How much these take depends on the sizes of the writes.
//
// Writes so that all goes in that can ever have been there. writer: does not block. The line
// discipline is full. Calls the kernel and nothing else, and gives an errno.
int write_behind(int writer, std::span<const uint8_t> data);

}  // namespace criu::files
