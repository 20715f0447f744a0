// SPDX-License-Identifier: GPL-2.0-only
#include "compel/tracee.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include <atomic>
#include <list>
#include <vector>

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
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's own system calls would be diverted";
#endif
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
    const compel::Memory memory(pid_);
    const compel::StoppedThread threads[] = {{tracee, memory}};
    const compel::Blob blob{parasite_blob, static_cast<size_t>(parasite_blob_end - parasite_blob)};
    std::string error;
    try {
      compel::GadgetMemo memo;
      compel::Parasite parasite(threads, ranges, memo, blob, 65536);
      parasite.data();
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

void send_value(pid_t pid, int n) {
  sigval value{};
  value.sival_int = n;
  while (sigqueue(pid, SIGRTMIN, value) < 0 && errno == EAGAIN) usleep(100);
}

using Signals = Child;

// Keeps the calling thread on the first processor it may use; the processors it had before.
cpu_set_t stay_on_one_processor() {
  cpu_set_t before, one;
  sched_getaffinity(0, sizeof before, &before);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof one, &one);
  return before;
}

// Whatever the instant at which the child is stopped: one of its signals may just be on its way. A
// timer interrupts the test at any point, and lets the child take its signal there.
TEST_F(Signals, KeepTheirValueWhenTheThreadIsSeized) {
  const cpu_set_t before = stay_on_one_processor();
  start([] {
    struct sigaction sa {};
    sa.sa_flags = SA_SIGINFO;
    sa.sa_sigaction = [](int, siginfo_t* info, void*) {
      if (info->si_code != SI_TIMER || info->si_value.sival_int != 4711) shared_->wrong++;
      shared_->handled++;
    };
    sigaction(SIGRTMIN, &sa, nullptr);
    const sched_param first{1};
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    event.sigev_value.sival_int = 4711;
    const itimerspec often{{0, 30000}, {0, 30000}};
    timer_t timer;
    if (sched_setscheduler(0, SCHED_FIFO, &first) < 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
        timer_settime(timer, 0, &often, nullptr) < 0)
      _exit(1);
    shared_->ready = 1;
    for (;;) pause();
  });
  for (int i = 0; i < 3000; i++) {
    const compel::Tracee tracee = compel::Tracee::seize(pid_);
    ASSERT_EQ(tracee.state(), compel::Tracee::State::kAlive);
  }
  sched_setaffinity(0, sizeof before, &before);
  EXPECT_GT(shared_->handled, 0);
  EXPECT_EQ(shared_->wrong, 0);
}

// Of a thread that was asked to stop and is let go before anybody has waited for that.
TEST_F(Signals, AreNotLostWhereTheThreadIsLetGoAtOnce) {
  start([] {
    struct sigaction sa {};
    sa.sa_handler = [](int) { shared_->handled++; };
    sigaction(SIGRTMIN, &sa, nullptr);
    shared_->ready = 1;
    for (;;) pause();
  });
  constexpr int kSignals = 3000;
  for (int i = 0; i < kSignals; i++) {
    send_value(pid_, i);
    const auto by = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const compel::Tracee tracee = compel::Tracee::start_to_seize(pid_, by);
    ASSERT_EQ(tracee.state(), compel::Tracee::State::kAlive);
  }
  EXPECT_TRUE(comes_true([] { return shared_->handled == kSignals; })) << shared_->handled;
}

TEST_F(Child, IsKnownToBeKilledAtOnce) {
  start([] {
    shared_->ready = 1;
    for (;;) pause();
  });
  const compel::Tracee tracee = compel::Tracee::seize(pid_);
  EXPECT_FALSE(tracee.was_killed());
  kill(pid_, SIGTERM);
  EXPECT_FALSE(tracee.was_killed());
  kill(pid_, SIGKILL);
  EXPECT_TRUE(tracee.was_killed());
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  EXPECT_TRUE(tracee.was_killed());
  waitpid(pid_, nullptr, 0);
  EXPECT_TRUE(tracee.was_killed());
}

// One that has ended is among those that are asked to stop; each is where its number was.
TEST_F(Child, AreSeizedAllAtOnce) {
  std::vector<pid_t> pids;
  constexpr size_t kChildren = 8, kEnded = 3;
  for (size_t i = 0; i < kChildren; i++) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (i == kEnded) _exit(0);
      for (;;) pause();
    }
    pids.push_back(pid);
  }
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pids[kEnded]), &info, WEXITED | WNOWAIT), 0);
  {
    const std::list<compel::Tracee> all = compel::Tracee::seize_all(pids, true);
    ASSERT_EQ(all.size(), pids.size());
    size_t i = 0;
    for (const compel::Tracee& t : all) {
      EXPECT_EQ(t.tid(), pids[i]);
      EXPECT_EQ(t.state(),
                i == kEnded ? compel::Tracee::State::kZombie : compel::Tracee::State::kAlive);
      if (i != kEnded) {
        EXPECT_NE(t.general().rip, 0U);
      }
      i++;
    }
  }
  for (const pid_t pid : pids) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
}

TEST_F(Signals, AreSeenInOrderHoweverManyAreQueued) {
  start([] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    shared_->ready = 1;
    for (;;) pause();
  });
  constexpr int kSignals = 2500;
  for (int n = 0; n < kSignals; n++) send_value(pid_, n);
  const compel::Tracee tracee = compel::Tracee::seize(pid_);
  const std::vector<siginfo_t> queue = tracee.queued_signals(true);
  ASSERT_EQ(queue.size(), static_cast<size_t>(kSignals));
  for (int n = 0; n < kSignals; n++) EXPECT_EQ(queue[static_cast<size_t>(n)].si_value.sival_int, n);
  EXPECT_TRUE(tracee.queued_signals(false).empty());
}

}  // namespace
