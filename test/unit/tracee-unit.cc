// SPDX-License-Identifier: GPL-2.0-only
#include "compel/tracee.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <atomic>

#include "compel/error.h"
#include "compel/parasite.h"
#include "criu/mm/vma.h"
#include "test/unit/support.h"

extern "C" const uint8_t parasite_blob[], parasite_blob_end[];

namespace {

using testing::HasSubstr;

// What a child and the test share.
struct Shared {
  std::atomic<int> ready, diverted, handled, wrong;
};

Shared* map_shared() {
  void* p =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? nullptr : new (p) Shared{};
}

class Child : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(shared_, nullptr); }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    munmap(shared_, sizeof *shared_);
  }
  void start(void (*body)()) {
    pid_ = fork();
    if (pid_ == 0) {
      body();
      _exit(1);
    }
    ASSERT_TRUE(comes_true([] { return shared_->ready != 0; }));
  }
  template <typename F>
  static bool comes_true(F&& holds) {
    for (int i = 0; i < 5000; i++) {
      if (holds()) return true;
      usleep(1000);
    }
    return false;
  }

  static inline Shared* shared_ = nullptr;
  pid_t pid_ = 0;

 public:
  Child() { shared_ = map_shared(); }
};

struct Segment {
  unsigned long start = 0, size = 0;
};

// The executable segment of the libc.
Segment libc_text() {
  Segment found;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        for (int i = 0; i < info->dlpi_phnum; i++) {
          const ElfW(Phdr)& p = info->dlpi_phdr[i];
          const unsigned long start = info->dlpi_addr + p.p_vaddr;
          const auto function = reinterpret_cast<unsigned long>(&prctl);
          if (p.p_type == PT_LOAD && (p.p_flags & PF_X) != 0 && function >= start &&
              function - start < p.p_memsz)
            *static_cast<Segment*>(out) = {start, p.p_memsz};
        }
        return 0;
      },
      &found);
  return found;
}

volatile char selector;
constexpr int kSetSyscallUserDispatch = 59;

using SyscallDispatch = Child;

// As a kernel sees it that cannot be asked (before Linux 6.4): the call itself is diverted.
TEST_F(SyscallDispatch, EndsARemoteCallWithoutHarm) {
  start([] {
    const Segment libc = libc_text();
    struct sigaction sa {};
    sa.sa_handler = [](int) { shared_->diverted++; };
    sigaction(SIGSYS, &sa, nullptr);
    prctl(kSetSyscallUserDispatch, 1, libc.start, libc.size, &selector);
    selector = 1;
    shared_->ready = 1;
    for (;;) {
      struct sigaction now {};
      sigaction(SIGSYS, nullptr, &now);
      if (now.sa_handler != sa.sa_handler) shared_->wrong++;
      shared_->handled++;
      usleep(100);
    }
  });
  {
    compel::Tracee tracee = compel::Tracee::seize(pid_);
    std::vector<compel::Range> ranges;
    for (const criu::mm::Vma& v : criu::mm::read_vmas(pid_))
      ranges.push_back({v.start, v.end, (v.prot & PROT_READ) != 0, (v.prot & PROT_EXEC) != 0,
                        v.name == "[stack]", v.is_vdso()});
    compel::Tracee* threads[] = {&tracee};
    const compel::Blob blob{parasite_blob, static_cast<size_t>(parasite_blob_end - parasite_blob)};
    std::string error;
    try {
      compel::Parasite parasite(threads, ranges, blob, 65536);
    } catch (const compel::Error& e) {
      error = e.what();
    }
    EXPECT_THAT(error, HasSubstr("Syscall User Dispatch"));
  }
  const int before = shared_->handled;
  EXPECT_TRUE(comes_true([&] { return shared_->handled > before + 10; }));
  EXPECT_EQ(shared_->diverted, 0);
  EXPECT_EQ(shared_->wrong, 0);
}

}  // namespace
