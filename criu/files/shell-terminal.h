// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <termios.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "criu/files/file-kind.h"
#include "criu/image/image-file.h"

namespace criu::files {

// The terminal of the shell that a tree was started by (--shell-job). The terminal itself is not
// restored: the tree gets the one that criu restore runs on.

// Dump: what the tree has of it.
class ShellTerminalUse {
 public:
  // A descriptor of a terminal that is outside of the tree; terminal_of: the controlling one of its
  // task. Throws Error where no restore could give what it had: all will be given one terminal, so
  // they must have had one, and that from outside.
  void add(const Options& options, const std::string& who, const struct stat& st,
           dev_t terminal_of);

 private:
  std::optional<std::pair<dev_t, dev_t>> seen_;  // the file system of the terminal, its number
};

// Restore. What is changed of the terminal before the tasks run is undone with this object, unless
// keep() is called.
class ShellTerminal {
 public:
  // Takes the terminal of criu itself. Throws Error where it has none, or is not to give it.
  explicit ShellTerminal(const RestoreContext& context);
  int fd() const { return fd_.get(); }

  // The modes that the tree expects: in raw mode, perhaps. The window's size stays the terminal's.
  void want(const TtyInfoEntry& info);
  // Sets them, unless the terminal is somebody else's for now.
  void apply();
  void keep() { modes_.reset(); }
  ~ShellTerminal();
  ShellTerminal(const ShellTerminal&) = delete;
  ShellTerminal& operator=(const ShellTerminal&) = delete;

 private:
  UniqueFd fd_;
  std::optional<termios> wanted_;
  std::optional<termios> modes_;  // what it had before
};

}  // namespace criu::files
