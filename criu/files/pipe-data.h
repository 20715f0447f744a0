// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <vector>

#include "criu/files/file-kind.h"

namespace criu::files {

// The bytes that stand in pipes, and the pipes' sizes: what pipes-data.img and fifo-data.img hold.
class PipeData {
 public:
  explicit PipeData(image::Kind kind) : kind_(kind) {}

  // Dump: looks into the pipe without taking anything out (tee(2)). Once per pipe_id.
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
  };

  image::Kind kind_;
  std::map<uint32_t, Contents> pipes_;
};

// Opens an end of a pipe anew by a descriptor of either end, with the flags of the open file.
UniqueFd reopen_pipe(int fd, uint32_t flags);

}  // namespace criu::files
