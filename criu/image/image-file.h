// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/service-fds.h"
#include "criu/image/message.h"

namespace criu::image {

// The kinds of image files there are; image-file.cc holds the one table of names and magics.
enum class Kind {
  kInventory,
  kPstree,
  kIds,
  kCore,
  kMm,
  kPagemap,
  kShmemPagemap,
  kPages,
  kFdinfo,
  kFiles,
  kFs,
  kPipesData,
  kFifoData,
  kSocketQueues,
  kTcpStream,
  kNetdev,
  kIfaddr,
  kRoute,
  kRoute6,
  kMemfdInode,
  kBpfmapData,
  kFileLocks,
  kGhostFile,
  kRemapFpath,
  kTtyInfo,
  kTtyData,
  kIpcShm,
  kTimens,
  kSeccomp,
  kStats,
};

// File name of an image of that kind, e.g. core-17.img. id is ignored where the name has none.
std::string file_name(Kind kind, uint64_t id = 0);

// The images directory. Files are made by a dump and only opened by a restore.
class Directory {
 public:
  explicit Directory(const std::string& path);
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  // Moves the descriptor out of the way of those to be restored.
  void raise(const ServiceFds& fds) { fd_ = fds.raise(std::move(fd_)); }
  bool has(const std::string& name) const;
  // A raw file, without magic.
  UniqueFd create(const std::string& name) const;
  UniqueFd open(const std::string& name) const;

 private:
  std::string path_;
  UniqueFd fd_;
};

// Writes one image file: magic words, then entries. Buffered; close() (or the destructor, which
// cannot report) puts it on disk. Throws Error naming the file.
class Writer {
 public:
  Writer(const Directory& dir, Kind kind, uint64_t id = 0);
  Writer(const Directory& dir, Kind kind, const std::string& suffix);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  template <typename T>
  void write(const T* message) {
    write_message(&message->base);
  }
  // Payload behind the last entry.
  void write_raw(const void* data, size_t size);
  // Copies `size` bytes from the current position of a file.
  void write_from(int fd, uint64_t size);
  void close();

 private:
  void write_message(const ProtobufCMessage* message);
  void flush();

  std::string name_;
  UniqueFd fd_;
  std::vector<uint8_t> buffer_;
};

// Reads one image file. Every length is checked against what the file has left; wrong magic, a
// truncated or an impossible entry throw Error naming the file and the offset.
class Reader {
 public:
  Reader(const Directory& dir, Kind kind, uint64_t id = 0);

  // Null at the end of the file.
  template <typename T>
  T* next(Arena& arena) {
    std::vector<uint8_t> packed;
    if (!next_packed(packed)) return nullptr;
    T* message = arena.unpack<T>(packed);
    if (message == nullptr) fail("{}: the entry before byte {} is damaged", name_, offset_);
    return message;
  }
  // The next entry, which has to be there.
  template <typename T>
  T* must_next(Arena& arena) {
    T* message = next<T>(arena);
    if (message == nullptr) fail("{} has no entry where one is needed", name_);
    return message;
  }
  // Payload behind the last entry.
  void read_raw(void* data, size_t size);
  uint64_t left() const { return size_ - offset_; }
  const std::string& name() const { return name_; }

 private:
  bool next_packed(std::vector<uint8_t>& packed);

  std::string name_;
  UniqueFd fd_;
  uint64_t size_ = 0;
  uint64_t offset_ = 0;          // of the next byte handed out
  std::vector<uint8_t> buffer_;  // read ahead
  size_t used_ = 0;              // of the buffer
};

// The only entry of a file. Bytes behind it are an error.
template <typename T>
T* read_single(const Directory& dir, Kind kind, uint64_t id, Arena& arena) {
  Reader img(dir, kind, id);
  T* message = img.must_next<T>(arena);
  if (img.left() != 0) fail("{}: {} bytes follow its only entry", img.name(), img.left());
  return message;
}

template <typename T>
void write_single(const Directory& dir, Kind kind, uint64_t id, const T* message) {
  Writer w(dir, kind, id);
  w.write(message);
  w.close();
}

}  // namespace criu::image
