// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "criu/files/file-kind.h"
#include "criu/files/pty-restore.h"
#include "criu/files/shell-terminal.h"

namespace criu::files {

// The terminals of a tree, on their way back: what tty-info.img says of them, and where each comes
// from.
class TtyRestore {
 public:
  explicit TtyRestore(RestoreContext& context);

  std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry);
  void make(const RestoreContext& context);
  void fill() { ptys_.fill(data_); }
  // In the leader of a session: it takes the terminal it had, and gives that to the group which
  // had it.
  void give_terminal(pid_t leader) const;
  void give_foreground(pid_t leader) const;
  void before_release();
  void keep();

 private:
  // A terminal of the outside that a session of the tree has.
  struct Outer {
    const TtyInfoEntry* info;
    UniqueFd fd;
  };

  // A descriptor of its terminal, and what is known of that; negative: it has none.
  std::pair<int, const TtyInfoEntry*> terminal_of(pid_t leader) const;
  const TtyInfoEntry& find(uint32_t id) const;
  // Nothing where there is none.
  const TtyInfoEntry* other_end(const TtyInfoEntry& info) const;
  bool is_ours(const RestoreContext& context, const TtyInfoEntry& slave) const;
  // The slave that it was opened on.
  std::optional<uint32_t> meant_by(const RestoreContext& context,
                                   const TtyInfoEntry& dev_tty) const;
  std::unique_ptr<RestoredFile> read_end(const TtyInfoEntry& info, const std::string& path,
                                         const TtyFileEntry& entry);
  std::unique_ptr<RestoredFile> read_dev_tty(RestoreContext& context, const TtyInfoEntry& info,
                                             const TtyFileEntry& entry);
  std::unique_ptr<RestoredFile> read_outer(RestoreContext& context, const TtyInfoEntry& info,
                                           std::string path, const TtyFileEntry& entry);
  ShellTerminal& shell(const RestoreContext& context);

  std::map<uint32_t, const TtyInfoEntry*> infos_;
  std::map<uint32_t, Outer> outer_;  // by id
  TtyData data_;
  PtyRestore ptys_;
  std::optional<ShellTerminal> shell_;
};

}  // namespace criu::files
