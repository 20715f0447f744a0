// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/pipe-data.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu::files {

namespace {

// Capacity of a pipe nobody has resized, pipe(7).
constexpr uint32_t kDefaultCapacity = 65536;

}  // namespace

void PipeData::collect(const OpenFile& file, uint32_t pipe_id) {
  const auto [it, is_new] = pipes_.try_emplace(pipe_id);
  if (!is_new) return;
  Contents& contents = it->second;
  // The descriptor may be a write end, so an end of our own is opened to look through.
  const UniqueFd end = open_path(self_fd(file.own.get()), O_RDONLY | O_NONBLOCK);
  const int capacity = fcntl(end.get(), F_GETPIPE_SZ);
  int queued = 0;
  if (capacity < 0 || ioctl(end.get(), FIONREAD, &queued) < 0)
    fail_errno("cannot examine {}", file.who());
  if (static_cast<uint32_t>(capacity) != kDefaultCapacity)
    contents.size = static_cast<uint32_t>(capacity);
  if (queued == 0) return;
  if ((file.flags & O_DIRECT) != 0)
    fail("{}: packets in a pipe (O_DIRECT) are not supported yet", file.who());

  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) fail_errno("cannot make a pipe");
  const UniqueFd in(ends[0]), out(ends[1]);
  if (fcntl(out.get(), F_SETPIPE_SZ, capacity) < 0) fail_errno("cannot size a pipe");
  const ssize_t copied = tee(end.get(), out.get(), static_cast<size_t>(queued), SPLICE_F_NONBLOCK);
  if (copied != queued)
    fail_errno("cannot look into {}: {} of {} bytes", file.who(), copied, queued);
  contents.bytes.resize(static_cast<size_t>(queued));
  read_exact(in.get(), contents.bytes.data(), contents.bytes.size(), file.who());
}

void PipeData::write(DumpContext& context) const {
  image::Writer img(context.dir, kind_);
  for (const auto& [id, contents] : pipes_) {
    if (contents.size == 0 && contents.bytes.empty()) continue;
    auto* e = context.arena.make<PipeDataEntry>();
    e->pipe_id = id;
    e->bytes = static_cast<uint32_t>(contents.bytes.size());
    if (contents.size != 0) CRIU_SET_OPTIONAL(e, size, contents.size);
    img.write(e);
    img.write_raw(contents.bytes.data(), contents.bytes.size());
  }
  img.close();
}

void PipeData::read(RestoreContext& context) {
  if (!context.dir.has(image::file_name(kind_))) return;
  image::Reader img(context.dir, kind_);
  while (const auto* e = img.next<PipeDataEntry>(context.arena)) {
    Contents& contents = pipes_[e->pipe_id];
    contents.size = e->has_size ? e->size : 0;
    if (e->bytes > img.left())
      fail("{} ends within the data of pipe {:#x}", img.name(), e->pipe_id);
    contents.bytes.resize(e->bytes);
    img.read_raw(contents.bytes.data(), contents.bytes.size());
  }
}

bool PipeData::has_bytes(uint32_t pipe_id) const {
  const auto it = pipes_.find(pipe_id);
  return it != pipes_.end() && !it->second.bytes.empty();
}

void PipeData::fill(uint32_t pipe_id, int fd) const {
  const auto it = pipes_.find(pipe_id);
  if (it == pipes_.end()) return;
  const Contents& contents = it->second;
  if (contents.size != 0 && fcntl(fd, F_SETPIPE_SZ, static_cast<int>(contents.size)) < 0)
    fail_errno("cannot give pipe {:#x} its size of {} bytes", pipe_id, contents.size);
  if (contents.bytes.empty()) return;
  const ssize_t n = ::write(fd, contents.bytes.data(), contents.bytes.size());
  if (n != static_cast<ssize_t>(contents.bytes.size()))
    fail_errno("cannot put {} bytes back into pipe {:#x}", contents.bytes.size(), pipe_id);
}

UniqueFd reopen_pipe(int fd, uint32_t flags) {
  UniqueFd end = open_path(self_fd(fd), (static_cast<int>(flags) & O_ACCMODE) | O_NONBLOCK);
  // O_DIRECT, a pipe's packet mode, can be set but not opened with.
  set_status_flags(end.get(), flags, "a pipe");
  return end;
}

}  // namespace criu::files
