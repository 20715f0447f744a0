// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "criu/base/fd.h"
#include "criu/image/message.h"

namespace criu::files {

// What the device numbers of terminals mean: Documentation/admin-guide/devices.txt.
bool is_terminal(const struct stat& st);
bool is_ptmx(dev_t rdev);     // the master of a pseudo-terminal
bool is_pts(dev_t rdev);      // the slave of one
bool is_dev_tty(dev_t rdev);  // whichever terminal the session has that opens it
// Any other: the console, a virtual or a serial one.
TtyType device_type(dev_t rdev);

// Of a terminal, also of one that was opened as /dev/tty; of a master, its slave (TIOCGDEV).
// Nothing where it has been hung up.
std::optional<dev_t> device_of(int terminal);

// What a terminal tells by an ioctl(2), which value is for. False where it has no such thing, or
// has been hung up. Throws Error.
bool ask_terminal(int terminal, unsigned long request, void* value);

// The number of a master, and so of its slave (TIOCGPTN). Throws Error.
uint32_t pty_index(int master);
// The slave is opened, by whatever name (TIOCGPTPEER). With O_PATH it is but found.
UniqueFd open_slave(int master, int flags);
// TIOCSPTLCK: a slave that is locked cannot be opened.
void lock_slave(int master, bool locked);

// "tty[8803:1a]", by which the outside is named.
std::string tty_key(dev_t rdev, dev_t dev);

}  // namespace criu::files
