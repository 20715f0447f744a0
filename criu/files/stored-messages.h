// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "criu/files/file-kind.h"
#include "criu/image/image-file.h"

namespace criu::files {

// sk-queues.img: what stands in the queues of sockets, of whatever family. Kinds of sockets add to
// it and find in it what is theirs.
class StoredMessages {
 public:
  // entry: with the id of the socket's file, and the length of data.
  void add(const SkPacketEntry* entry, std::vector<uint8_t> data);
  void write(const image::Directory& dir) const;

  // Adds what an image has, if it is there. Throws Error where it is damaged.
  void read(const image::Directory& dir, image::Arena& arena);
  // Of the socket of that id, in their order.
  const std::vector<StoredMessage>& of(uint32_t file_id) const;

 private:
  std::map<uint32_t, std::vector<StoredMessage>> by_id_;
};

}  // namespace criu::files
