// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <termios.h>

#include "criu/image/message.h"

namespace criu::files {

// The modes of a terminal: termios(3), those of them that are locked (ioctl_tty(2) TIOCGLCKTRMIOS),
// and the size of its window. A descriptor of a pseudo-terminal's master stands for its slave.

// Throws Error.
termios modes_of(int terminal);
// From the background as well, where that would be a signal to our own group: not an error here.
// False, with errno.
bool set_modes(int terminal, const termios& modes);

termios termios_of(const TermiosEntry& e);

// Dump: what the terminal has goes into info.
void store_modes(image::Arena& arena, int terminal, TtyInfoEntry* info);
// Restore: the other way round, as far as the image has it. Throws Error.
void restore_modes(int terminal, const TtyInfoEntry& info);

}  // namespace criu::files
