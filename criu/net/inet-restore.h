// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

#include "criu/files/file-kind.h"
#include "criu/net/inet-address.h"

namespace criu::net {

// An internet socket on its way back, one that is no TCP connection (tcp-restore.h): open() makes
// it, in whichever process.
class RestoredInet : public files::RestoredEntry<InetSkEntry> {
 public:
  using RestoredEntry::RestoredEntry;

  UniqueFd open() override;

 protected:
  std::string who() const { return fmt::format("socket {} (port {})", entry_.id, entry_.src_port); }
  UniqueFd make() const;
  // Those options that bind(2) looks at, but for SO_REUSEADDR.
  void prepare_bind(int fd) const;
  void bind(int fd) const;
  void connect(int fd) const;
  void set_owner_and_flags(int fd) const;
};

}  // namespace criu::net
