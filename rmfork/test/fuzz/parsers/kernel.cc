// SPDX-License-Identifier: GPL-2.0-only
//
// The answers of a kernel that may say anything: the library either copes or throws an Error. 
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "rmfork/dump.h"
#include "rmfork/entry.h"
#include "rmfork/error.h"
#include "rmfork/kernel.h"
#include "rmfork/meta-file.h"
#include "rmfork/restore.h"

namespace {

// The input, piece by piece; nothing but zeros after its end.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  template <typename T>
  T take() {
    T value{};
    fill(&value, sizeof(value));
    return value;
  }

  void fill(void* to, std::size_t size) {
    std::size_t n = std::min(size, left_.size());
    if (n > 0) memcpy(to, left_.data(), n);
    left_ = left_.subspan(n);
  }

  std::span<const std::uint8_t> take_bytes(std::size_t most) {
    std::size_t n = std::min(most, left_.size());
    auto bytes = left_.first(n);
    left_ = left_.subspan(n);
    return bytes;
  }

  bool at_end() const { return left_.empty(); }

 private:
  std::span<const std::uint8_t> left_;
};

// Answers every call from the input: a result, the kargs as they come back, and the structure at
// `va` where the operation fills one.
class WildTransport : public rmfork::Transport {
 public:
  explicit WildTransport(Input& input) : input_(input) {}

  long call(rmfork_kargs& kargs) override {
    if (input_.at_end()) return -ENODEV;
    const auto how = input_.take<std::uint8_t>();
    if (kargs.rmfork_opt == RMFORK_OP_SESSION) return session(how);
    if (fills(kargs.rmfork_opt))
      input_.fill(reinterpret_cast<void*>(kargs.va), how % 8 == 7 ? 8 : kargs.nr_iovs);
    if (how % 4 != 3) kargs.pa = input_.take<std::uint64_t>() >> (how / 16 * 4);
    if (how % 2 == 0) return 0;
    return how % 4 == 1 ? 1 : -static_cast<long>(input_.take<std::uint8_t>());
  }

  std::string name() const override { return "a wild kernel"; }
  void describe(rmfork_restore_call& call) const override { call.how = RMFORK_HOW_NONE; }

 private:
  static bool fills(std::uint64_t op) {
    return op == RMFORK_OP_QUERY || op == RMFORK_OP_INFO || op == RMFORK_OP_LIST || op == RMFORK_OP_IDENTIFY;
  }

  // Never somebody else's descriptor: it will be closed.
  static long session(std::uint8_t how) {
    if (how % 4 == 3) return -EMFILE;
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
  }

  Input& input_;
};

// Holds the images; made once. On tmpfs: the library syncs what it writes.
class Images {
 public:
  Images() {
    char path[] = "/dev/shm/rmfork-fuzz-XXXXXX";
    if (!mkdtemp(path)) abort();
    path_ = path;
    fd_ = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ~Images() {
    clear();
    rmdir(path_.c_str());
    close(fd_);
  }
  int fd() const { return fd_; }

  void write(const char* name, std::span<const std::uint8_t> bytes) const {
    int file = openat(fd_, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ::write(file, bytes.data(), bytes.size()) < 0) abort();
    close(file);
  }
  void clear() const {
    for (const char* name : {"rmfork-1.img", rmfork::kMetaFileName}) unlinkat(fd_, name, 0);
  }

 private:
  std::string path_;
  int fd_ = -1;
};

void attempt(const std::function<void()>& what) {
  try {
    what();
  } catch (const rmfork::Error& e) {
    if (*e.what() == '\0') abort();  // a refusal says why
  }
}

void use(rmfork::Kernel& kernel, const Images& images) {
  attempt([&] {
    auto source = rmfork::prepare_restore(kernel, images.fd(), 1, true);
    // What gets through names one snapshot, and what the kernel said of it is what the entry says.
    if (source.meta_off == 0) abort();
    if (source.entry && source.entry->identity &&
        (!source.info || source.info->generation != source.entry->identity->generation))
      abort();
  });
  attempt([&] { rmfork::check_restore_mode(kernel, rmfork::RestoreMode::kLazy); });
  attempt([&] { kernel.list(); });
  attempt([&] { kernel.verify(4096); });
  attempt([&] { kernel.free(4096); });
  images.clear();
  attempt([&] {
    rmfork::DumpSession session(kernel, images.fd());
    session.dump_task(1, 1, {}, true);
    session.stored_bytes();
    session.commit();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Images images;
  Input input({data, size});
  images.clear();
  const auto files = input.take<std::uint8_t>();
  if (files & 1) images.write(rmfork::kMetaFileName, input.take_bytes(files >> 4));
  if (files & 2) {
    const auto length = input.take<std::uint8_t>();
    images.write("rmfork-1.img", input.take_bytes(length));
  }
  attempt([&] {
    rmfork::Kernel kernel(std::make_unique<WildTransport>(input));
    use(kernel, images);
  });
  return 0;
}
