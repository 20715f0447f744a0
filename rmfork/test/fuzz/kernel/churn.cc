// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/churn.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "rmfork/test/fuzz/kernel/process.h"
#include "rmfork/test/fuzz/kernel/random.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace rmfork::fuzz {
namespace {

// What a process does between two looks at whether it should fork or exit.
constexpr int kStepsPerRound = 64;

sigjmp_buf after_fault;
volatile sig_atomic_t may_fault = 0;

void on_fault(int) {
  if (!may_fault) _exit(1);
  siglongjmp(after_fault, 1);
}

void catch_faults() {
  struct sigaction action = {};
  action.sa_handler = on_fault;
  action.sa_flags = SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

class Churner {
 public:
  Churner(const Module& module, Shared& shared, std::uint64_t seed)
      : module_(module), shared_(shared), random_(seed), file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (ftruncate(file_, kHugeBytes) != 0 || pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) _exit(1);
  }

  void step() {
    static constexpr void (Churner::*kSteps[])() = {
        &Churner::write_some, &Churner::write_some, &Churner::write_many, &Churner::read_some,
        &Churner::map,        &Churner::map_file,   &Churner::unmap,      &Churner::move,
        &Churner::protect,    &Churner::advise,     &Churner::advise,     &Churner::lock,
        &Churner::pin,        &Churner::unpin,      &Churner::restore,
    };
    (this->*random_.pick(kSteps))();
  }

  // The child has the pages in common; it changes some of them, and ends soon.
  void fork_some() {
    pid_t child = fork_mortal();
    if (child == 0) {
      for (std::uint64_t i = random_.up_to(100); i > 0; i--) step();
      _exit(0);
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }

  Random& random() { return random_; }

 private:
  struct Range {
    char* at;
    std::size_t bytes;
  };

  Range range() {
    std::size_t pages = random_.one_in(4) ? random_.up_to(2048) : random_.up_to(64);
    std::size_t from = random_.below(kArenaPages - pages + 1);
    if (random_.one_in(4)) from &= ~std::size_t{511};
    return {kArena + from * kPage, pages * kPage};
  }

  int protection() {
    static constexpr int kProtections[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
                                           PROT_READ, PROT_NONE,
                                           PROT_READ | PROT_WRITE | PROT_EXEC};
    return random_.pick(kProtections);
  }

  void touch(const Range& r, std::size_t stride, bool write) {
    std::uint64_t value = random_.one_in(4) ? 0 : random_.next();
    may_fault = 1;
    if (sigsetjmp(after_fault, 0) == 0)
      for (std::size_t at = 0; at < r.bytes; at += stride) {
        volatile auto* word = reinterpret_cast<volatile std::uint64_t*>(r.at + at);
        if (write)
          *word = value;
        else
          value += *word;
      }
    may_fault = 0;
  }

  void write_some() { touch(range(), kPage, true); }
  void write_many() { touch(range(), 512, true); }
  void read_some() { touch(range(), kPage, false); }

  void map() {
    Range r = range();
    int flags = MAP_ANONYMOUS | MAP_FIXED | (random_.one_in(6) ? MAP_SHARED : MAP_PRIVATE);
    if (random_.one_in(6)) flags |= MAP_POPULATE;
    mmap(r.at, r.bytes, protection(), flags, -1, 0);
  }

  void map_file() {
    Range r = range();
    if (r.bytes > kHugeBytes) r.bytes = kHugeBytes;
    int flags = MAP_FIXED | (random_.one_in(4) ? MAP_SHARED : MAP_PRIVATE);
    mmap(r.at, r.bytes, protection(), flags, file_, 0);
    // A hole takes the clean pages out of the mappings.
    if (random_.one_in(4))
      fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kHugeBytes / 2);
  }

  void unmap() {
    Range r = range();
    munmap(r.at, r.bytes);
  }

  void move() {
    Range from = range();
    Range to = range();
    if (random_.one_in(3))
      mremap(from.at, from.bytes, to.bytes, 0);
    else
      mremap(from.at, from.bytes, from.bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to.at);
  }

  void protect() {
    Range r = range();
    mprotect(r.at, r.bytes, protection());
  }

  void advise() {
    static constexpr int kAdvice[] = {
        MADV_DONTNEED, MADV_DONTNEED,       MADV_HUGEPAGE,      MADV_NOHUGEPAGE, MADV_FREE,
        MADV_PAGEOUT,  MADV_PAGEOUT,        MADV_COLD,          MADV_COLLAPSE,   MADV_MERGEABLE,
        MADV_WILLNEED, MADV_POPULATE_WRITE, MADV_WIPEONFORK,    MADV_KEEPONFORK, MADV_DONTFORK,
        MADV_DOFORK,   MADV_REMOVE,         MADV_POPULATE_READ,
    };
    Range r = range();
    madvise(r.at, r.bytes, random_.pick(kAdvice));
  }

  void lock() {
    Range r = range();
    if (random_.one_in(2))
      mlock2(r.at, r.bytes, random_.one_in(2) ? MLOCK_ONFAULT : 0);
    else
      munlock(kArena, kArenaBytes);
  }

  // A pipe holds references to the pages, even after they are unmapped and their snapshot freed.
  void pin() {
    Range r = range();
    iovec piece = {r.at, r.bytes < 16 * kPage ? r.bytes : 16 * kPage};
    vmsplice(pipe_[1], &piece, 1, SPLICE_F_NONBLOCK);
  }

  void unpin() {
    char buffer[kPage];
    while (read(pipe_[0], buffer, sizeof(buffer)) > 0) {
    }
  }

  // Into itself, as a restorer would: fresh mappings, then the call.
  void restore() {
    std::uint64_t off = random_.pick(shared_.snapshots);
    if (off == 0 || !map_arena()) return;
    static constexpr std::uint64_t kRestores[] = {RMFORK_OP_RESTORE_ONE, RMFORK_OP_RESTORE_ALL,
                                                  RMFORK_OP_RESTORE_LAZY};
    module_.restore(random_.pick(kRestores), 0, off, {arena_range()});
  }

  const Module& module_;
  Shared& shared_;
  Random random_;
  int file_;
  int pipe_[2];
};

}  // namespace

void churn(const Module& module, Shared& shared, std::uint64_t seed) {
  catch_faults();
  // The callers come first: they are few, and each change here is large.
  nice(10);
  Churner churner(module, shared, seed);
  map_arena();
  do {
    for (int i = 0; i < kStepsPerRound; i++) churner.step();
    if (churner.random().one_in(4)) churner.fork_some();
  } while (!churner.random().one_in(40));
  _exit(0);
}

}  // namespace rmfork::fuzz
