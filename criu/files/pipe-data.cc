// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/pipe-data.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu::files {

namespace {

// Capacity of a pipe nobody has resized, pipe(7).
constexpr uint32_t kDefaultCapacity = 65536;

}  // namespace

// The copy of a packet is one, and a read gives no more than one, with what was no packet before
// it. A byte behind the copy shows whether the last of them ends there.
void PipeData::look_into(const OpenFile& file, int end, size_t queued, Contents& contents) {
  const int capacity = fcntl(end, F_GETPIPE_SZ);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) fail_errno("cannot make a pipe");
  const UniqueFd in(ends[0]), out(ends[1]);
  // More than pipe-max-size may need a right that is missing.
  if (fcntl(out.get(), F_SETPIPE_SZ, capacity + 1) < 0 &&
      fcntl(out.get(), F_SETPIPE_SZ, capacity) < 0)
    fail_errno("cannot size a pipe");
  const ssize_t copied = tee(end, out.get(), queued, SPLICE_F_NONBLOCK);
  if (copied != static_cast<ssize_t>(queued))
    fail_errno("cannot look into {}: {} of {} bytes", file.who(), copied, queued);
  const bool marked = ::write(out.get(), "", 1) == 1;
  const size_t all = queued + (marked ? 1 : 0);
  contents.bytes.resize(all);
  for (size_t at = 0; at < all;) {
    const ssize_t n = ::read(in.get(), contents.bytes.data() + at, all - at);
    if (n <= 0) fail_errno("cannot read what stands in {}", file.who());
    at += static_cast<size_t>(n);
    const bool is_packet = at < all || (!marked && (file.flags & O_DIRECT) != 0);
    if (is_packet && n > PIPE_BUF)
      fail("{}: it holds packets (O_DIRECT) behind what is none: not supported yet", file.who());
    if (is_packet) contents.packets.push_back(static_cast<uint32_t>(n));
  }
  contents.bytes.resize(queued);
}

void PipeData::collect(const OpenFile& file, uint32_t pipe_id) {
  const auto [it, is_new] = pipes_.try_emplace(pipe_id);
  Contents& contents = it->second;
  if (!is_new) return;
  const int capacity = fcntl(file.own.get(), F_GETPIPE_SZ);
  int queued = 0;
  if (capacity < 0 || ioctl(file.own.get(), FIONREAD, &queued) < 0)
    fail_errno("cannot examine {}", file.who());
  if (static_cast<uint32_t>(capacity) != kDefaultCapacity)
    contents.size = static_cast<uint32_t>(capacity);
  if (queued == 0) return;
  // A write end cannot be looked through. Whoever waits for a reader or is signalled (O_ASYNC)
  // would be told of another: fs/pipe.c, fifo_open(), pipe_release().
  UniqueFd end;
  if ((file.flags & O_ACCMODE) == O_WRONLY)
    end = open_path(self_fd(file.own.get()), O_RDONLY | O_NONBLOCK);
  look_into(file, end ? end.get() : file.own.get(), static_cast<size_t>(queued), contents);
}

void PipeData::write(DumpContext& context) const {
  image::Writer img(context.dir, kind_);
  for (const auto& [id, contents] : pipes_) {
    if (contents.size == 0 && contents.bytes.empty()) continue;
    auto* e = context.arena.make<PipeDataEntry>();
    e->pipe_id = id;
    e->bytes = static_cast<uint32_t>(contents.bytes.size());
    if (contents.size != 0) CRIU_SET_OPTIONAL(e, size, contents.size);
    e->n_packet = contents.packets.size();
    e->packet = context.arena.copy<uint32_t>(contents.packets);
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
    contents.packets.assign(e->packet, e->packet + e->n_packet);
    uint64_t length = 0;
    for (const uint32_t packet : contents.packets) length += packet;
    if (length > e->bytes)
      fail("{}: pipe {:#x} has packets of {} bytes, and {} in all", img.name(), e->pipe_id, length,
           e->bytes);
  }
}

bool PipeData::has_bytes(uint32_t pipe_id) const {
  const auto it = pipes_.find(pipe_id);
  return it != pipes_.end() && !it->second.bytes.empty();
}

// Returns the number of bytes that are behind them.
size_t PipeData::put_packets(uint32_t pipe_id, int fd, const Contents& contents) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT) < 0)
    fail_errno("cannot put pipe {:#x} into packet mode", pipe_id);
  const uint8_t* from = contents.bytes.data();
  for (const uint32_t size : contents.packets) {
    if (::write(fd, from, size) != static_cast<ssize_t>(size))
      fail_errno("cannot put a packet of {} bytes back into pipe {:#x}", size, pipe_id);
    from += size;
  }
  if (fcntl(fd, F_SETFL, flags) < 0) fail_errno("cannot end the packet mode of {:#x}", pipe_id);
  return contents.bytes.size() - static_cast<size_t>(from - contents.bytes.data());
}

void PipeData::fill(uint32_t pipe_id, int fd) const {
  const auto it = pipes_.find(pipe_id);
  if (it == pipes_.end()) return;
  const Contents& contents = it->second;
  if (contents.size != 0 && fcntl(fd, F_SETPIPE_SZ, static_cast<int>(contents.size)) < 0)
    fail_errno("cannot give pipe {:#x} its size of {} bytes", pipe_id, contents.size);
  if (contents.bytes.empty()) return;
  const size_t rest =
      contents.packets.empty() ? contents.bytes.size() : put_packets(pipe_id, fd, contents);
  if (rest == 0) return;
  const ssize_t n = ::write(fd, contents.bytes.data() + contents.bytes.size() - rest, rest);
  if (n != static_cast<ssize_t>(rest))
    fail_errno("cannot put {} bytes back into pipe {:#x}", rest, pipe_id);
}

UniqueFd reopen_pipe(int fd, uint32_t flags) {
  if ((flags & O_PATH) != 0) return open_path(self_fd(fd), O_PATH);
  UniqueFd end = open_path(self_fd(fd), (static_cast<int>(flags) & O_ACCMODE) | O_NONBLOCK);
  // O_DIRECT, a pipe's packet mode, can be set but not opened with.
  set_status_flags(end.get(), flags, "a pipe");
  return end;
}

}  // namespace criu::files
