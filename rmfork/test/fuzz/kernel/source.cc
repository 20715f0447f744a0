// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/source.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "rmfork/error.h"
#include "rmfork/test/fuzz/kernel/process.h"

namespace rmfork::fuzz {
namespace {

constexpr std::uint64_t kContents = 77;
constexpr std::size_t kSwapped = 64;

bool is_filled(std::size_t page) {
  return page < kHugeBytes / kPage || page % 3 != 0;
}

[[noreturn]] void hold(int ready) {
  map_arena(0, Source::kPages);
  madvise(kArena, kHugeBytes, MADV_HUGEPAGE);
  for (std::size_t i = 0; i < Source::kPages; i++)
    if (is_filled(i)) fill_page(kArena + i * kPage, i, kContents);
  madvise(kArena + kHugeBytes, kSwapped * kPage, MADV_PAGEOUT);
  fork_mortal();
  if (write(ready, "r", 1) != 1) _exit(1);
  for (;;) pause();
}

}  // namespace

Source::Source() {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) throw Error("making a pipe", errno);
  pid_ = fork_mortal();
  if (pid_ == 0) hold(ready[1]);
  close(ready[1]);
  char byte;
  bool good = pid_ > 0 && read(ready[0], &byte, 1) == 1;
  close(ready[0]);
  if (!good) throw Error("starting a process to dump");
}

Source::~Source() {
  end_child(pid_);
}

std::string Source::check() {
  for (std::size_t i = 0; i < kPages; i++)
    if (is_filled(i) && !page_holds(kArena + i * kPage, i, kContents))
      return "page " + std::to_string(i) + " of the restored memory is wrong; ";
  return {};
}

}  // namespace rmfork::fuzz
