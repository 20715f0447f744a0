// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "compel/pie/syscalls.h"
#include "criu/pie/restorer-args.h"

namespace criu::pie {

// Fills memory of the process that calls, which has no pages there yet, with what follows in a
// file.
//
// preadv(2) meets a fault at each new page, and on a virtual machine without nested paging such a
// fault takes twenty times as long as to copy the page. process_vm_writev(2) gets the pages without
// one, and writes to them by the kernel's own mapping; so what is read goes to a small buffer
// first, which stays in the processor's cache. Where the buffer does not help it is done without.
class PageReading {
 public:
  // to: nr of them, at most kMaxIoVecs; used up. buffer: null if it is not worth one.
  PageReading(int fd, uint64_t offset, IoVec* to, uint64_t nr, uint8_t* buffer,
              uint64_t buffer_size)
      : fd_(fd), offset_(offset), to_(to), left_(nr), buffer_(buffer), buffer_size_(buffer_size) {}

  bool is_done() const { return left_ == 0; }
  // What is filled next.
  uint64_t address() const { return to_->base; }

  // Goes on for a while, until it is done. 0: the file has ended too early. Negative: -errno.
  long go_on() {
    long got = buffer_ != nullptr ? by_buffer() : direct();
    if (got > 0) advance(static_cast<uint64_t>(got));
    return got;
  }

 private:
  long direct() const { return ::pie::syscall(__NR_preadv, fd_, to_, left_, offset_, 0); }

  long by_buffer() {
    uint64_t bytes = 0, parts = 0;
    while (parts < left_ && bytes < buffer_size_) bytes += to_[parts++].size;
    // Of the last one only what there is room for.
    const uint64_t excess = bytes > buffer_size_ ? bytes - buffer_size_ : 0;
    const long got = ::pie::syscall(__NR_pread64, fd_, buffer_, bytes - excess, offset_);
    if (got <= 0) return got;
    to_[parts - 1].size -= excess;
    const IoVec from = {reinterpret_cast<uint64_t>(buffer_), static_cast<uint64_t>(got)};
    const long written = ::pie::syscall(__NR_process_vm_writev, ::pie::syscall(__NR_getpid), &from,
                                        1, to_, parts, 0);
    to_[parts - 1].size += excess;
    if (written > 0) return written;
    // A kernel without it, or memory that is not to be had: then preadv(2) tells why.
    buffer_ = nullptr;
    return direct();
  }

  void advance(uint64_t bytes) {
    offset_ += bytes;
    for (; left_ != 0 && bytes >= to_->size; to_++, left_--) bytes -= to_->size;
    if (bytes == 0) return;
    to_->base += bytes;
    to_->size -= bytes;
  }

  int fd_;
  uint64_t offset_;
  IoVec* to_;
  uint64_t left_;
  uint8_t* buffer_;
  uint64_t buffer_size_;
};

}  // namespace criu::pie
