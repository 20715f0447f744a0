// SPDX-License-Identifier: GPL-2.0-only
//
// The C facade: one object behind one lock, and nothing thrown through.
#include "rmfork/src/facade.h"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "rmfork/dump.h"
#include "rmfork/entry.h"
#include "rmfork/error.h"
#include "rmfork/meta-file.h"
#include "rmfork/restore.h"
#include "rmfork/rmfork.h"
#include "rmfork/src/files.h"
#include "rmfork/src/format.h"

namespace rmfork::facade {
namespace {

class Facade {
 public:
  long dump(pid_t pid, pid_t vpid, std::span<const iovec> ranges) {
    DumpSession& session = open_session();
    TaskSnapshot task = session.dump_task(pid, vpid, ranges, !root_off_);
    if (!root_off_) root_off_ = task.meta_off;
    return static_cast<long>(task.meta_off);
  }

  unsigned long meta_off() {
    if (root_off_) return root_off_;
    if (last_root_off_) return last_root_off_;
    return read_meta_file(dirfd()).value_or(0);
  }

  void restore(pid_t pid, std::uint64_t off, std::span<const iovec> ranges) {
    bool from_directory = off == 0;
    if (from_directory) off = offset_in_directory();
    const auto info = dir_ ? check_entry(off, from_directory) : std::nullopt;
    kernel().restore(pid, off, ranges, info ? info->generation : 0);
  }

  void set_transport(TransportChoice choice) {
    commit();
    session_.reset();
    kernel_.reset();
    choice_ = choice;
  }

  void set_images_dir(Fd dir) {
    commit();
    session_.reset();
    last_root_off_ = 0;
    dir_ = std::move(dir);
  }

  void commit() {
    if (session_) session_->commit();
    if (root_off_) last_root_off_ = root_off_;
    root_off_ = 0;
  }

  void abort() {
    if (session_) session_->rollback();
    root_off_ = 0;
  }

  void set_opener(TransportOpener opener) { opener_ = std::move(opener); }

 private:
  int dirfd() const {
    if (!dir_) throw Error("no images directory is set");
    return dir_.get();
  }

  Kernel& kernel() {
    if (!kernel_)
      kernel_ = std::make_unique<Kernel>(opener_ ? opener_(choice_) : open_transport(choice_));
    return *kernel_;
  }

  DumpSession& open_session() {
    int fd = dirfd();
    if (!session_) session_ = std::make_unique<DumpSession>(kernel(), fd, Orphans::kStay);
    return *session_;
  }

  std::uint64_t offset_in_directory() {
    auto off = read_meta_file(dirfd());
    if (!off) throw Error(rmfork::format("the images directory has no {}", kMetaFileName));
    return *off;
  }

  // A stale offset is refused where the images can tell. Returns what the kernel says lies there.
  std::optional<rmfork_info> check_entry(std::uint64_t off, bool from_directory) {
    if (auto entry = find_entry(dir_.get(), off)) return validate_entry(kernel(), *entry);
    if (from_directory && !list_entries(dir_.get()).empty())
      throw Error(rmfork::format("{} says {:#x} and no rmfork-*.img does: they are not of one dump",
                                 kMetaFileName, off));
    return std::nullopt;
  }

  // The session refers to the kernel and the directory: declared after them.
  TransportOpener opener_;
  TransportChoice choice_ = TransportChoice::kAuto;
  std::unique_ptr<Kernel> kernel_;
  Fd dir_;
  std::unique_ptr<DumpSession> session_;
  std::uint64_t root_off_ = 0;       // of the dump in progress
  std::uint64_t last_root_off_ = 0;  // of the last one committed
};

std::mutex facade_lock;

// Never destroyed: a caller that knows only the three entry points exits without a commit, and
// its snapshots must stay.
Facade*& the_facade() {
  static Facade* facade = new Facade;
  return facade;
}

thread_local std::string last_error;

void note_error(const char* what) noexcept {
  try {
    last_error = what;
    log(LogLevel::kError, rmfork::format("rmfork: {}", what));
  } catch (...) {
    // No memory for the message: the return value has to do.
  }
}

// Runs `body` under the lock; on any exception notes it and returns `failed`.
template <typename T, typename Body>
T guarded(T failed, Body&& body) noexcept {
  try {
    last_error.clear();
    std::lock_guard guard(facade_lock);
    return body(*the_facade());
  } catch (const std::exception& e) {
    note_error(e.what());
  } catch (...) {
    note_error("an unknown error");
  }
  return failed;
}

std::span<const iovec> ranges_of(const iovec* iovs, int nr) {
  if (nr < 0 || (!iovs && nr > 0)) throw Error(rmfork::format("{} ranges were given", nr), EINVAL);
  if (iovs && nr == 0) throw Error("a list of no ranges was given", EINVAL);
  return {iovs, static_cast<std::size_t>(nr)};
}

}  // namespace

void reset(TransportOpener opener) {
  std::lock_guard guard(facade_lock);
  the_facade()->commit();
  delete std::exchange(the_facade(), new Facade);
  the_facade()->set_opener(std::move(opener));
}

}  // namespace rmfork::facade

using rmfork::Error;
using rmfork::facade::Facade;
using rmfork::facade::guarded;

long rmfork_dump_mm_iov(pid_t pid, pid_t vpid, struct iovec* iovs, int nr) {
  return guarded(-1L, [&](Facade& f) {
    if (pid <= 0 || vpid <= 0)
      throw Error(rmfork::format("saving task {} ({})", pid, vpid), EINVAL);
    return f.dump(pid, vpid, rmfork::facade::ranges_of(iovs, nr));
  });
}

unsigned long rmfork_get_meta_off(void) {
  return guarded(0UL, [](Facade& f) { return f.meta_off(); });
}

int rmfork_restore_iov(pid_t pid, unsigned long meta_off, struct iovec* iovs, int nr) {
  return guarded(-1, [&](Facade& f) {
    if (pid < 0) throw Error(rmfork::format("restoring task {}", pid), EINVAL);
    f.restore(pid, meta_off, rmfork::facade::ranges_of(iovs, nr));
    return 0;
  });
}

int rmfork_set_transport(enum rmfork_transport transport) {
  return guarded(-1, [&](Facade& f) {
    switch (static_cast<int>(transport)) {
      case RMFORK_TRANSPORT_AUTO:
        f.set_transport(rmfork::TransportChoice::kAuto);
        return 0;
      case RMFORK_TRANSPORT_SYSCALL:
        f.set_transport(rmfork::TransportChoice::kSyscall);
        return 0;
      case RMFORK_TRANSPORT_DEVICE:
        f.set_transport(rmfork::TransportChoice::kDevice);
        return 0;
      default:
        throw Error(rmfork::format("there is no transport {}", static_cast<int>(transport)));
    }
  });
}

int rmfork_set_images_dir(const char* path) {
  return guarded(-1, [&](Facade& f) {
    if (!path) throw Error("no images directory is given", EINVAL);
    rmfork::Fd dir(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) throw Error(rmfork::format("opening the images directory {}", path), errno);
    f.set_images_dir(std::move(dir));
    return 0;
  });
}

int rmfork_set_images_dirfd(int fd) {
  return guarded(-1, [&](Facade& f) {
    rmfork::Fd dir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!dir)
      throw Error(rmfork::format("duplicating the images directory's descriptor {}", fd), errno);
    f.set_images_dir(std::move(dir));
    return 0;
  });
}

void rmfork_commit(void) {
  guarded(0, [](Facade& f) {
    f.commit();
    return 0;
  });
}

void rmfork_abort(void) {
  guarded(0, [](Facade& f) {
    f.abort();
    return 0;
  });
}

const char* rmfork_last_error(void) {
  return rmfork::facade::last_error.c_str();
}

void rmfork_set_log(rmfork_log_fn fn, void* user) {
  if (!fn) {
    rmfork::set_log_sink({});
    return;
  }
  rmfork::set_log_sink([fn, user](rmfork::LogLevel level, std::string_view message) {
    fn(static_cast<int>(level), std::string(message).c_str(), user);
  });
}
