// SPDX-License-Identifier: GPL-2.0-only
//
// The library against the real kernel side: what it says and does when the answers are not staged.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "rmfork/dump.h"
#include "rmfork/error.h"
#include "rmfork/meta-file.h"
#include "rmfork/restore.h"
#include "rmfork/rmfork.h"
#include "rmfork/test/kernel/harness.h"

using namespace kernel_test;

namespace {

rmfork::TransportChoice choice() {
  return over_device() ? rmfork::TransportChoice::kDevice : rmfork::TransportChoice::kSyscall;
}

struct ImagesDir {
  ImagesDir() {
    CHECK(mkdtemp(path) != nullptr);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
  }
  ~ImagesDir() {
    close(fd);
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  ImagesDir(const ImagesDir&) = delete;
  ImagesDir& operator=(const ImagesDir&) = delete;

  char path[32] = "/tmp/rmfork-images-XXXXXX";
  int fd = -1;
};

std::string refusal(rmfork::Kernel& kernel, int dirfd, pid_t vpid) {
  try {
    rmfork::prepare_restore(kernel, dirfd, vpid, true);
  } catch (const rmfork::Error& e) {
    return e.what();
  }
  return "";
}

void expect_text(const std::string& text, const char* part) {
  if (text.find(part) == std::string::npos) fail(__FILE__, __LINE__, part, " is not in: " + text);
}

}  // namespace

KERNEL_TEST(the_library_probes_this_kernel) {
  auto transport = rmfork::open_transport(choice());
  CHECK(transport->name() == (over_device() ? "/dev/rmfork" : "syscall 454"));
  CHECK(rmfork::open_transport(rmfork::TransportChoice::kAuto) != nullptr);
}

KERNEL_TEST(the_facade_dumps_and_restores) {
  ImagesDir dir;
  CHECK_EQ(rmfork_set_transport(over_device() ? RMFORK_TRANSPORT_DEVICE : RMFORK_TRANSPORT_SYSCALL),
           0);
  CHECK_EQ(rmfork_set_images_dirfd(dir.fd), 0);
  Patterned source(100, 1);
  iovec range = region(100);
  long off = rmfork_dump_mm_iov(source.child.pid(), source.child.pid(), &range, 1);
  if (off <= 0) fail(__FILE__, __LINE__, "dump: ", rmfork_last_error());
  CHECK_EQ(rmfork_get_meta_off(), off);
  Child target([](Child::Turn& turn) {
    map_region(100);
    turn.sync();
    return holds(kRegion, 100, 1);
  });
  target.wait_ready();
  CHECK_EQ(rmfork_restore_iov(target.pid(), 0, nullptr, 0), 0);
  CHECK(target.finish());
  rmfork_abort();
  CHECK_EQ(rmfork_get_meta_off(), 0);
  // The library's own descriptor would pin the module.
  CHECK_EQ(rmfork_set_transport(RMFORK_TRANSPORT_AUTO), 0);
}

// As criu does it: prepared by the coordinator, issued by the task.
KERNEL_TEST(a_prepared_call_restores_in_the_task) {
  ImagesDir dir;
  rmfork::Kernel kernel = rmfork::Kernel::open(choice());
  rmfork::DumpSession session(kernel, dir.fd);
  Patterned source(100, 2);
  session.dump_task(source.child.pid(), 7, {}, true);
  CHECK(session.stored_bytes() > 100 * kPage);
  auto prepared = rmfork::prepare_restore(kernel, dir.fd, 7, true);
  CHECK(prepared.info && prepared.info->nr_pages > 100);
  iovec range = region(100);
  rmfork_restore_call call =
      rmfork::make_restore_call(kernel, prepared, 0, rmfork::RestoreMode::kShared,
                                reinterpret_cast<std::uint64_t>(&range), 1);
  Child target([&](Child::Turn&) {
    map_region(100);
    CHECK_EQ(rmfork_issue(&call), 0);
    return holds(kRegion, 100, 2);
  });
  CHECK(target.finish());
}

KERNEL_TEST(stale_images_are_refused_with_a_reason) {
  ImagesDir dir;
  rmfork::Kernel kernel = rmfork::Kernel::open(choice());
  Patterned source(4, 3);
  std::vector<iovec> ranges = {region(4)};
  std::uint64_t off;
  {
    rmfork::DumpSession session(kernel, dir.fd);
    off = session.dump_task(source.child.pid(), 7, ranges, true).meta_off;
    session.commit();
  }
  CHECK(refusal(kernel, dir.fd, 7).empty());
  kernel.free(off);
  expect_text(refusal(kernel, dir.fd, 7), "it was freed");

  // The next snapshot may well take the same place.
  Snapshot next(dump(source.child.pid(), ranges));
  rmfork::Entry entry = *rmfork::read_entry(dir.fd, 7);
  entry.meta_off = next.off;
  rmfork::write_entry(dir.fd, entry);
  rmfork::write_meta_file(dir.fd, next.off);
  expect_text(refusal(kernel, dir.fd, 7), "of generation");

  entry.identity->pool_uuid[0] ^= 1;
  rmfork::write_entry(dir.fd, entry);
  expect_text(refusal(kernel, dir.fd, 7), "this kernel has the pool");
}

KERNEL_TEST(a_full_pool_is_said) {
  rmfork::Kernel kernel = rmfork::Kernel::open(choice());
  std::size_t pages = query().free_bytes / kPage;
  Patterned source(pages, 4);
  std::vector<iovec> ranges = {region(pages)};
  try {
    kernel.dump(source.child.pid(), ranges);
    CHECK(!"dumped");
  } catch (const rmfork::Error& e) {
    expect_text(e.what(), "are free in ubmem: No space left on device");
  }
}
