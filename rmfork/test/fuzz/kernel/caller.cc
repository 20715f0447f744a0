// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/caller.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>

#include "rmfork/error.h"
#include "rmfork/test/fuzz/kernel/call-maker.h"
#include "rmfork/test/fuzz/kernel/churn.h"
#include "rmfork/test/fuzz/kernel/fail-nth.h"
#include "rmfork/test/fuzz/kernel/process.h"
#include "rmfork/test/fuzz/kernel/random.h"
#include "rmfork/test/fuzz/kernel/round-trip.h"

namespace rmfork::fuzz {
namespace {

constexpr unsigned kTargets = 2;
constexpr unsigned kDeepestFault = 120;
// The arguments lie in the middle of so much memory with nothing else in it: a call with a
// flipped bit in an address does not spoil what the job needs.
constexpr std::size_t kReserve = 8u << 20;

Arguments& map_arguments() {
  void* at = mmap(nullptr, kReserve, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw Error("mapping room for arguments", errno);
  return *new (static_cast<char*>(at) + kReserve / 2) Arguments;
}

class Caller {
 public:
  Caller(const Module& module, Shared& shared, unsigned number, std::uint64_t seed)
      : module_(module),
        shared_(shared),
        number_(number),
        random_(seed),
        maker_(module, shared, random_),
        call_(map_arguments()) {}

  void step() {
    keep_targets();
    switch (random_.below(32)) {
      case 0:
        wrong_door();
        break;
      case 1:
        bad_argument();
        break;
      case 2:
        unprivileged();
        break;
      case 3:
        scribbled();
        break;
      case 4:
        change_session();
        break;
      case 5:
        round_trip(module_, shared_, random_.next());
        break;
      case 6:
        maker_.make_wild(call_);
        issue(false, true);
        break;
      default: {
        bool valid = !random_.one_in(3);
        maker_.make_valid(call_, session_);
        if (!valid) maker_.spoil(call_);
        issue(valid, random_.one_in(6));
      }
    }
    shared_.progress[number_]++;
  }

 private:
  void keep_targets() {
    for (unsigned i = 0; i < kTargets; i++) {
      std::atomic<pid_t>& slot = shared_.targets[number_ * kTargets + i];
      if (targets_[i] > 0 && random_.one_in(100)) kill(targets_[i], SIGKILL);
      // Reaped late at times: a zombie has no memory.
      if (targets_[i] > 0 && (random_.one_in(2) || waitpid(targets_[i], nullptr, WNOHANG) == 0))
        continue;
      std::uint64_t seed = random_.next();
      targets_[i] = fork_mortal();
      if (targets_[i] == 0) churn(module_, shared_, seed);
      slot = targets_[i] > 0 ? targets_[i] : 0;
    }
  }

  // The documented errors are the only ones, whatever the arguments.
  void check(std::uint64_t op, long ret, bool valid, bool struck) {
    const Operation* known = operation(op);
    if (ret >= 0 && known && module_.can(*known)) return;
    int err = static_cast<int>(-ret);
    bool fine = struck && (err == EFAULT || err == ENOMEM);
    if (!known || !module_.can(*known))
      fine = fine || err == EFAULT || err == EINVAL;
    else if (err != EFAULT || !valid)
      fine = fine || std::ranges::find(known->errors, err) != known->errors.end();
    if (fine) return;
    std::string what = known ? known->name : "the unknown operation " + std::to_string(op);
    what += " answers " + result_text(ret) + (struck ? " after a failed allocation" : "");
    if (const std::uint64_t now = call_.kargs.rmfork_opt; now != op)
      what += "; it has become operation " + std::to_string(now) + " meanwhile";
    shared_.complain(what);
  }

  void count(std::uint64_t op, long ret) {
    if (op >= kOperations) op = 0;
    long at = ret >= 0 ? 0 : -ret;
    if (at < static_cast<long>(kResults)) shared_.results[op][at]++;
  }

  void issue(bool valid, bool with_faults) {
    std::uint64_t op = call_.kargs.rmfork_opt;
    std::uint64_t pa = call_.kargs.pa;
    if (with_faults) fail_.arm(1 + static_cast<unsigned>(random_.below(kDeepestFault)));
    long ret = module_.issue_at(&call_.kargs, random_.one_in(2));
    bool struck = with_faults && fail_.disarm();
    if (struck) shared_.injected++;
    count(op, ret);
    check(op, ret, valid, struck);
    if (ret < 0) {
      if (ret == -ENOSPC) make_room();
      return;
    }
    if (op == RMFORK_OP_DUMP) remember(call_.kargs.pa);
    if (op == RMFORK_OP_FREE) forget(pa);
    if (op == RMFORK_OP_SESSION) take_session(static_cast<int>(ret));
  }

  void remember(std::uint64_t off) {
    std::atomic<std::uint64_t>& slot =
        shared_.snapshots[random_.below(std::size(shared_.snapshots))];
    std::uint64_t old = slot.exchange(off);
    // Some stay without anybody knowing them: the end finds them by LIST.
    if (old != 0 && !random_.one_in(8)) module_.on_snapshot(RMFORK_OP_FREE, old);
  }

  void forget(std::uint64_t off) {
    for (auto& slot : shared_.snapshots) slot.compare_exchange_strong(off, 0);
  }

  void make_room() {
    for (int i = 0; i < 8; i++) {
      std::uint64_t off =
          shared_.snapshots[random_.below(std::size(shared_.snapshots))].exchange(0);
      if (off != 0) module_.on_snapshot(RMFORK_OP_FREE, off);
    }
    // The unknown ones take their share: the oldest goes.
    rmfork_info oldest = {};
    rmfork_kargs kargs = {};
    kargs.rmfork_opt = RMFORK_OP_LIST;
    kargs.va = reinterpret_cast<std::uint64_t>(&oldest);
    kargs.nr_iovs = sizeof(oldest);
    if (module_.issue(kargs) == 1) module_.on_snapshot(RMFORK_OP_FREE, oldest.meta_off);
  }

  void take_session(int fd) {
    if (session_ != 0) close(static_cast<int>(static_cast<std::uint32_t>(session_)));
    session_ = RMFORK_IN_SESSION(fd);
  }

  // Closes the session, or has a child hold the last copy of it for a moment.
  void change_session() {
    rmfork_kargs kargs = {};
    kargs.rmfork_opt = RMFORK_OP_SESSION;
    if (holder_ > 0) waitpid(holder_, nullptr, 0);
    holder_ = random_.one_in(3) ? fork_mortal() : -1;
    if (holder_ == 0) {
      usleep(static_cast<useconds_t>(random_.below(20'000)));
      _exit(0);
    }
    long fd = module_.issue(kargs);
    if (fd >= 0) take_session(static_cast<int>(fd));
  }

  // Everything one can do with the descriptors that is not our ioctl.
  void wrong_door() {
    int fd = random_.one_in(2) || session_ == 0
                 ? module_.device()
                 : static_cast<int>(static_cast<std::uint32_t>(session_));
    char byte = 0;
    struct pollfd poll_fd = {fd, POLLIN, 0};
    if (ioctl(fd, random_.next() & 0xffffffff, &call_.kargs) == 0)
      shared_.complain("an ioctl of another number succeeds");
    if (read(fd, &byte, 1) > 0 || write(fd, &byte, 1) > 0)
      shared_.complain("the device can be read or written");
    void* at = mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) shared_.complain("the device can be mapped");
    poll(&poll_fd, 1, 0);
    lseek(fd, static_cast<off_t>(random_.next()), SEEK_SET);
    fsync(fd);
  }

  void bad_argument() {
    long ret = module_.issue_at(reinterpret_cast<void*>(maker_.bad_address()), random_.one_in(2));
    if (ret != -EFAULT) shared_.complain("a bad pointer: " + result_text(ret));
    // Readable, but the answer cannot be written.
    maker_.make_valid(call_, session_);
    void* at = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return;
    memcpy(at, &call_.kargs, sizeof(call_.kargs));
    mprotect(at, kPage, PROT_READ);
    std::uint64_t op = call_.kargs.rmfork_opt;
    ret = module_.issue_at(at, random_.one_in(2));
    if (op == RMFORK_OP_DUMP && ret >= 0) shared_.complain("DUMP says where to nobody");
    if (op == RMFORK_OP_SESSION && ret >= 0) take_session(static_cast<int>(ret));
    count(op, ret);
    munmap(at, kPage);
  }

  // By a descriptor that somebody with the privilege has opened.
  void unprivileged() {
    pid_t child = fork_mortal();
    if (child == 0) {
      if (setuid(65534) != 0) _exit(0);
      maker_.make_valid(call_, session_);
      _exit(module_.issue_at(&call_.kargs, random_.one_in(2)) == -EPERM ? 0 : 1);
    }
    int status = 0;
    if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        WEXITSTATUS(status) != 0)
      shared_.complain("without privilege the answer is not EPERM");
  }

  // Arguments in memory that the other jobs write to at the same time.
  void scribbled() {
    std::uint64_t* words = shared_.scratch[random_.below(std::size(shared_.scratch))];
    maker_.make_valid(call_, 0);
    if (call_.iovs.size() > 16) return;
    std::size_t bytes = call_.iovs.size() * sizeof(iovec);
    memcpy(words + 16, call_.iovs.data(), bytes);
    if (call_.kargs.iovs != 0) call_.kargs.iovs = reinterpret_cast<std::uint64_t>(words + 16);
    memcpy(words, &call_.kargs, sizeof(call_.kargs));
    words[random_.below(6)] = random_.below(16);
    words[16 + random_.below(32)] = random_.next();
    // Not the operation: a session that nobody knows of would stay open.
    if (words[0] == RMFORK_OP_SESSION) words[0] = RMFORK_OP_DUMP;
    module_.issue_at(words, random_.one_in(2));
  }

  const Module& module_;
  Shared& shared_;
  const unsigned number_;
  Random random_;
  CallMaker maker_;
  FailNth fail_;
  Call call_;
  std::uint64_t session_ = 0;
  pid_t targets_[kTargets] = {};
  pid_t holder_ = -1;  // has a copy of an older session
};

// Signals that do not kill must not end an operation.
void interrupt_often(Random& random) {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  struct itimerval timer = {};
  timer.it_interval.tv_usec = timer.it_value.tv_usec =
      static_cast<suseconds_t>(5'000 + random.below(50'000));
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

void run_caller(const Module& module, Shared& shared, unsigned number, std::uint64_t seed) {
  Random random(seed);
  if (random.one_in(2)) interrupt_often(random);
  try {
    Caller caller(module, shared, number, random.next());
    while (!shared.stop) caller.step();
  } catch (const std::exception& e) {
    shared.complain(e.what());
  }
  _exit(0);
}

}  // namespace rmfork::fuzz
