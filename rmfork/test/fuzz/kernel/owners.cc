// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/owners.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "rmfork/error.h"
#include "rmfork/test/fuzz/kernel/process.h"
#include "rmfork/test/fuzz/kernel/random.h"
#include "rmfork/test/fuzz/kernel/reload.h"

namespace rmfork::fuzz {
namespace {

constexpr std::size_t kPoolBytes = 32u << 20;
constexpr std::size_t kPages = 256;
constexpr std::uint64_t kContents = 80;
constexpr unsigned kCallers = 3;
constexpr int kCallsAfter = 20;             // of each, when the pool is another's
constexpr useconds_t kOneLook = 2'500'000;  // until the module has looked for pending pages

// The range as another machine sees it.
class Range {
 public:
  explicit Range(std::uint64_t at) : at_(at), memory_(open("/dev/mem", O_RDWR | O_CLOEXEC)) {
    if (!memory_) throw Error("opening /dev/mem", errno);
  }
  std::vector<char> contents() const {
    std::vector<char> bytes(kPoolBytes);
    for (std::size_t done = 0; done < kPoolBytes;) {
      const ssize_t n = pread(memory_.get(), bytes.data() + done, kPoolBytes - done,
                              static_cast<off_t>(at_ + done));
      if (n <= 0) throw Error("reading the range", errno);
      done += static_cast<std::size_t>(n);
    }
    return bytes;
  }
  // The word by which the superblock names the owner.
  void name_owner(std::uint64_t user) const {
    const auto pos = static_cast<off_t>(at_ + offsetof(rmfork_super, user));
    if (pwrite(memory_.get(), &user, sizeof(user), pos) != sizeof(user))
      throw Error("writing to the range", errno);
  }

 private:
  std::uint64_t at_;
  Fd memory_;
};

// The first byte that is not as it was, or empty.
std::string difference(const std::vector<char>& before, const std::vector<char>& after) {
  for (std::size_t i = 0; i < before.size(); i++)
    if (before[i] != after[i]) return "byte " + std::to_string(i) + " of the pool has changed";
  return {};
}

class TakeOver {
 public:
  TakeOver(Module& module, const CallsOptions& options)
      : module_(module), range_(options.range), file_(options.module) {
    char text[96];
    std::snprintf(text, sizeof(text),
                  "ubmem_phys=0x%llx ubmem_size=%zu ubmem_format=1 ubmem_take=1",
                  static_cast<unsigned long long>(options.range), kPoolBytes);
    parameters_ = text;
    void* at = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw Error("mapping memory in common", errno);
    taken_ = static_cast<std::atomic<bool>*>(at);
  }
  ~TakeOver() { munmap(taken_, kPage); }
  TakeOver(const TakeOver&) = delete;
  TakeOver& operator=(const TakeOver&) = delete;

  // Without a module before it, and after it. Empty, or what is wrong.
  std::string round(Random& random) {
    load(module_, file_, parameters_);
    *taken_ = false;
    const std::uint64_t off = save();
    int go[2];
    if (pipe2(go, O_CLOEXEC) != 0) throw Error("making a pipe", errno);
    const pid_t tenant = let_in(off, go[0]);
    if (tenant < 0) return "the task that was to be restored does not exist";
    std::vector<pid_t> callers;
    for (unsigned i = 0; i < kCallers; i++) callers.push_back(start_caller(random.next()));
    usleep(static_cast<useconds_t>(random.below(400'000)));
    range_.name_owner(random.next() | 1);
    *taken_ = true;
    std::string why = wait_for(callers, "a caller");
    const std::vector<char> before = range_.contents();
    module_.on_snapshot(RMFORK_OP_FREE, off);
    if (why.empty()) why = wait_for({start_caller(random.next())}, "a late caller");
    const bool told = write(go[1], "g", 1) == 1;
    if (why.empty())
      why = wait_for({tenant}, "the task that was restored");
    else
      end_child(tenant);
    close(go[0]), close(go[1]);
    usleep(kOneLook);
    const bool gone = unload(module_, true);
    if (why.empty()) why = difference(before, range_.contents());
    if (!told) return "the task that was restored is gone";
    if (!gone) throw Error("unloading the module, whose pool is another's");
    return why;
  }

 private:
  std::uint64_t save() {
    std::uint64_t off = 0;
    if (!map_arena(0, kPages)) throw Error("mapping the arena");
    for (std::size_t i = 0; i < kPages; i++) fill_page(kArena + i * kPage, i, kContents);
    const long ret = module_.dump(getpid(), {arena_range(0, kPages)}, &off);
    munmap(kArena, kPages * kPage);
    if (ret != 0) throw Error("dumping for a test", static_cast<int>(-ret));
    return off;
  }

  // When this returns it is restored, or has ended; it writes to its memory afterwards.
  pid_t let_in(std::uint64_t off, int go) const {
    int restored[2];
    if (pipe2(restored, O_CLOEXEC) != 0) throw Error("making a pipe", errno);
    const pid_t pid = fork_mortal();
    char byte = 0;
    if (pid != 0) {
      close(restored[1]);
      while (read(restored[0], &byte, 1) < 0 && errno == EINTR) {
      }
      close(restored[0]);
      return pid;
    }
    if (!map_arena(0, kPages) ||
        module_.restore(RMFORK_OP_RESTORE_ONE, 0, off, {arena_range(0, kPages)}) != 0)
      _exit(1);
    close(restored[1]);
    if (read(go, &byte, 1) != 1) _exit(1);
    for (std::size_t i = 0; i < kPages; i++) {
      if (!page_holds(kArena + i * kPage, i, kContents)) _exit(2);
      fill_page(kArena + i * kPage, i, kContents + 1);
    }
    _exit(0);
  }

  // Dumps and frees at random. Who begins when the pool is another's has to be told so.
  pid_t start_caller(std::uint64_t seed) const {
    const pid_t pid = fork_mortal();
    if (pid != 0) return pid;
    Random random(seed);
    if (!map_arena(0, kPages)) _exit(1);
    for (std::size_t i = 0; i < kPages; i++) fill_page(kArena + i * kPage, i, random.next() >> 30);
    std::uint64_t mine = 0;
    for (int left = kCallsAfter; left != 0;) {
      const bool taken = *taken_;
      left -= taken;
      if (mine != 0 && random.one_in(2)) {
        const long ret = module_.on_snapshot(RMFORK_OP_FREE, mine);
        if (ret != 0 && ret != -ESTALE && ret != -ENOENT) _exit(3);
        mine = 0;
        continue;
      }
      const std::size_t from = random.below(kPages), pages = random.up_to(kPages - from);
      const long ret = module_.dump(getpid(), {arena_range(from, pages)}, &mine);
      if (ret != 0) mine = 0;
      if (taken ? ret != -ESTALE : ret != 0 && ret != -ESTALE && ret != -ENOSPC) _exit(4);
    }
    _exit(0);
  }

  static std::string wait_for(const std::vector<pid_t>& pids, const char* who) {
    std::string why;
    for (const pid_t pid : pids) {
      int status = 0;
      if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        why = std::string(who) + " ends with " + std::to_string(WEXITSTATUS(status));
    }
    return why;
  }

  Module& module_;
  Range range_;
  std::string file_;
  std::string parameters_;
  std::atomic<bool>* taken_;
};

}  // namespace

void take_over(Module& module, const CallsOptions& options, Report& report) {
  const char* name = "who is no owner any more changes nothing";
  if (options.module.empty() || options.range == 0)
    return report.skipped(name, "no --module, or no --range");
  const std::string pool = allocated_pool();
  if (!unload(module, true)) return report.failed(name, "the module is in use");
  TakeOver all(module, options);
  std::string why;
  unsigned rounds = 0;
  timespec start{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    Random random(options.seed + rounds);
    why = all.round(random);
    if (!why.empty()) why = "seed " + std::to_string(options.seed + rounds) + ": " + why;
    rounds++;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (why.empty() && now.tv_sec - start.tv_sec < static_cast<time_t>(options.seconds / 4));
  load(module, options.module, pool);
  std::printf("# %u rounds\n", rounds);
  report.settle(name, why);
}

}  // namespace rmfork::fuzz
