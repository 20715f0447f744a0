// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/stages.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>

#include "criu/base/error.h"

namespace criu {

namespace {

constexpr long kPollNs = 50'000'000;

void futex_wait(uint32_t* word, uint32_t value) {
  const timespec ts{0, kPollNs};
  syscall(SYS_futex, word, FUTEX_WAIT, value, &ts, nullptr, 0);
}

void futex_wake(uint32_t* word) {
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

// What a failed step of the restorer was about; {} is its detail.
struct StepText {
  pie::Step step;
  const char* text;
};
constexpr std::array kSteps = {
    StepText{pie::kStepMove, "cannot move a mapping to {:#x}"},
    StepText{pie::kStepUnmap, "cannot drop the old address space at {:#x}"},
    StepText{pie::kStepMap, "cannot map {:#x}"},
    StepText{pie::kStepReadPages, "cannot read the pages at {:#x} from the pages image"},
    StepText{pie::kStepRmfork, "rmfork failed to insert the snapshot at meta offset {:#x}"},
    StepText{pie::kStepProtect, "cannot protect the mapping at {:#x}"},
    StepText{pie::kStepGuard, "cannot set the guard pages at {:#x}"},
    StepText{pie::kStepXcomp, "cannot ask for XSAVE component {}"},
    StepText{pie::kStepThreadPolicy,
             "cannot set the memory policy of thread {} (has this machine such NUMA nodes?)"},
    StepText{pie::kStepMappingPolicy,
             "cannot set the memory policy of the mapping at {:#x} (has this machine such NUMA "
             "nodes?)"},
    StepText{pie::kStepAdvise, "cannot set the madvise flags of the mapping at {:#x}"},
    StepText{pie::kStepLock, "cannot lock the mapping at {:#x} into memory"},
    StepText{pie::kStepMmFields,
             "cannot set the fields of the address space (PR_SET_MM_MAP, exe descriptor {})"},
    StepText{pie::kStepThread, "cannot make thread {} (is the number taken?)"},
    StepText{pie::kStepRseq, "cannot register rseq at {:#x}"},
    StepText{pie::kStepRobustList, "cannot set the robust list {:#x}"},
    StepText{pie::kStepAltStack, "cannot set the alternate signal stack {:#x}"},
    StepText{pie::kStepSched, "cannot set the scheduling class {}"},
    StepText{pie::kStepSignalAction, "cannot set the action of signal {}"},
    StepText{pie::kStepSignalQueue, "cannot queue signal {}"},
    StepText{pie::kStepItimer, "cannot set interval timer {}"},
    StepText{pie::kStepTimer, "cannot make POSIX timer {}"},
    StepText{pie::kStepRlimit,
             "cannot set resource limit {} (a higher hard limit takes CAP_SYS_RESOURCE)"},
    StepText{pie::kStepCreds, "cannot set the credentials (call {})"},
    StepText{pie::kStepThreadFile,
             "cannot open descriptor {} of a thread (pidfd_open PIDFD_THREAD, since Linux 6.9)"},
    StepText{pie::kStepOwner,
             "cannot set who gets the signals of descriptor {} (fcntl F_SETOWN_EX; has that task "
             "ended?)"},
    StepText{pie::kStepFileLock,
             "cannot lock the file of descriptor {} (has another process locked it by now?)"},
    StepText{pie::kStepAffinity,
             "cannot set the processors that thread {} may run on (are there as many here?)"},
    StepText{pie::kStepIoPriority, "cannot set the I/O priority {:#x}"},
    StepText{pie::kStepName, "cannot name the mapping at {:#x}"},
    StepText{pie::kStepSeal, "cannot seal the mapping at {:#x} (mseal, since Linux 6.10)"},
    StepText{pie::kStepLockFuture, "cannot have future mappings locked (mlockall {})"},
    StepText{pie::kStepPrctl, "cannot set an attribute (prctl {})"},
};

// What the errno alone would not tell.
const char* hint(const pie::SharedStages& s) {
  if (s.failed_step != pie::kStepRmfork) return "";
  if (s.failed_error == -ESTALE)
    return " (the snapshot was freed meanwhile and another one lies there, or this machine is no "
           "longer a guest in ubmem: rmforkctl info --images shows which; or another machine has "
           "taken ubmem over)";
  if (s.failed_error == -ENOENT)
    return " (the snapshot was freed meanwhile, or a mapping that it fills is missing: rmforkctl "
           "info --images shows which)";
  return "";
}

std::string describe(const pie::SharedStages& s) {
  for (const StepText& t : kSteps)
    if (t.step == s.failed_step)
      return fmt::format("task {}: {}: {}{}", s.failed_pid,
                         fmt::format(fmt::runtime(t.text), s.failed_detail),
                         strerror(static_cast<int>(-s.failed_error)), hint(s));
  return {};
}

}  // namespace

size_t Stages::size() {
  return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

Stages::Stages() {
  void* p = mmap(nullptr, size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) fail_errno("cannot map shared memory");
  shared_ = static_cast<pie::SharedStages*>(p);
  own_coordinator();
}

Stages::~Stages() {
  disown_coordinator();
  munmap(shared_, size());
}

// kernel/futex/core.c, exit_robust_list(): a list of one.
void Stages::own_coordinator() {
  shared_->coordinator = static_cast<uint32_t>(syscall(SYS_gettid));
  shared_->coordinator_node = reinterpret_cast<uint64_t>(&robust_.list);
  robust_.list.next = reinterpret_cast<robust_list*>(&shared_->coordinator_node);
  robust_.futex_offset = static_cast<long>(offsetof(pie::SharedStages, coordinator)) -
                         static_cast<long>(offsetof(pie::SharedStages, coordinator_node));
  if (syscall(SYS_get_robust_list, 0, &libc_robust_, &libc_robust_size_) < 0 ||
      syscall(SYS_set_robust_list, &robust_, sizeof robust_) < 0)
    fail_errno("cannot register a robust futex");
}

void Stages::disown_coordinator() const {
  if (libc_robust_ != nullptr) syscall(SYS_set_robust_list, libc_robust_, libc_robust_size_);
}

void Stages::begin(pie::Stage stage, size_t participants) {
  __atomic_store_n(&shared_->left, static_cast<uint32_t>(participants), __ATOMIC_SEQ_CST);
  __atomic_store_n(&shared_->stage, stage, __ATOMIC_SEQ_CST);
  futex_wake(&shared_->stage);
}

void Stages::must_not_be_aborted() const {
  if (__atomic_load_n(&shared_->aborted, __ATOMIC_SEQ_CST) == 0) return;
  const std::string why = describe(*shared_);
  throw Error(why.empty() ? "a task could not be restored" : why);
}

void Stages::wait_all(pie::Stage, const std::function<void()>& check) {
  for (;;) {
    must_not_be_aborted();
    const uint32_t left = __atomic_load_n(&shared_->left, __ATOMIC_SEQ_CST);
    if (left == 0) return;
    futex_wait(&shared_->left, left);
    try {
      check();
    } catch (...) {
      // A task that gives up says why, then ends.
      must_not_be_aborted();
      throw;
    }
  }
}

void Stages::done(pie::Stage stage) {
  if (__atomic_sub_fetch(&shared_->left, 1, __ATOMIC_SEQ_CST) == 0) futex_wake(&shared_->left);
  while (__atomic_load_n(&shared_->stage, __ATOMIC_SEQ_CST) == stage) {
    futex_wait(&shared_->stage, stage);
    const uint32_t coordinator = __atomic_load_n(&shared_->coordinator, __ATOMIC_SEQ_CST);
    if ((coordinator & FUTEX_OWNER_DIED) != 0 ||
        __atomic_load_n(&shared_->aborted, __ATOMIC_SEQ_CST) != 0)
      _exit(1);
  }
}

void Stages::abort() {
  __atomic_store_n(&shared_->aborted, 1, __ATOMIC_SEQ_CST);
  futex_wake(&shared_->stage);
  futex_wake(&shared_->left);
}

}  // namespace criu
