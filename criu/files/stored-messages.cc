// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/stored-messages.h"

#include "criu/base/error.h"

namespace criu::files {

void StoredMessages::add(const SkPacketEntry* entry, std::vector<uint8_t> data) {
  by_id_[entry->id_for].push_back({entry, std::move(data)});
}

void StoredMessages::write(const image::Directory& dir) const {
  image::Writer img(dir, image::Kind::kSocketQueues);
  for (const auto& [id, messages] : by_id_)
    for (const StoredMessage& message : messages) {
      img.write(message.entry);
      img.write_raw(message.data.data(), message.data.size());
    }
  img.close();
}

void StoredMessages::read(const image::Directory& dir, image::Arena& arena) {
  // Other writers leave it out where there is nothing in it.
  if (!dir.has(image::file_name(image::Kind::kSocketQueues))) return;
  image::Reader img(dir, image::Kind::kSocketQueues);
  while (const auto* e = img.next<SkPacketEntry>(arena)) {
    if (e->length > img.left()) fail("{} ends within a message", img.name());
    std::vector<uint8_t> data(e->length);
    img.read_raw(data.data(), data.size());
    add(e, std::move(data));
  }
}

const std::vector<StoredMessage>& StoredMessages::of(uint32_t file_id) const {
  static const std::vector<StoredMessage> none;
  const auto it = by_id_.find(file_id);
  return it == by_id_.end() ? none : it->second;
}

}  // namespace criu::files
