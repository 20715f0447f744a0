// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <vector>

#include "criu/files/file-kind.h"

namespace criu::files {

// The bytes that stand in pipes, and the pipes' sizes: what pipes-data.img and fifo-data.img hold.
// Of packets (O_DIRECT) also how long each is, as far as the kernel tells: what stands before one
// and is none counts to it.
class PipeData {
 public:
  explicit PipeData(image::Kind kind) : kind_(kind) {}

  // Dump: looks into the pipe without taking anything out (tee(2)). For each end.
  void collect(const OpenFile& file, uint32_t pipe_id);
  void write(DumpContext& context) const;

  // Restore.
  void read(RestoreContext& context);
  bool has_bytes(uint32_t pipe_id) const;
  // Sets the size and puts the bytes in. fd: an end that can be written to.
  void fill(uint32_t pipe_id, int fd) const;

 private:
  struct Contents {
    uint32_t size = 0;  // capacity in bytes, F_GETPIPE_SZ; 0: as it comes
    std::vector<uint8_t> bytes;
    std::vector<uint32_t> packets;  // bytes of each, from the first on; what is left is none
  };

  static void look_into(const OpenFile& file, int end, size_t queued, Contents& contents);
  static size_t put_packets(uint32_t pipe_id, int fd, const Contents& contents);

  image::Kind kind_;
  std::map<uint32_t, Contents> pipes_;
};

// Opens an end of a pipe anew by a descriptor of either end, with the flags of the open file.
UniqueFd reopen_pipe(int fd, uint32_t flags);

}  // namespace criu::files
