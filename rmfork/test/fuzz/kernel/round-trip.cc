// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/round-trip.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "rmfork/test/fuzz/kernel/model.h"
#include "rmfork/test/fuzz/kernel/process.h"
#include "rmfork/test/fuzz/kernel/random.h"

namespace rmfork::fuzz {
namespace {

constexpr std::size_t kRegionPages = 1536;
constexpr std::uint64_t kSteps = 40;  // with what was restored

// Which pages of the region have contents; the others are holes. If dense, often enough for
// several processors to enter them.
std::vector<bool> plan(Random& random) {
  std::vector<bool> filled(kRegionPages);
  bool dense = random.one_in(3);
  for (std::size_t at = 0; at < kRegionPages;) {
    std::size_t run = random.up_to(dense ? 700 : 40);
    bool fill = dense ? !random.one_in(4) : random.one_in(2);
    for (; run > 0 && at < kRegionPages; run--) filled[at++] = fill;
  }
  return filled;
}

void fill_region(const std::vector<bool>& filled, std::uint64_t seed) {
  for (std::size_t i = 0; i < kRegionPages; i++)
    if (filled[i]) fill_page(kArena + i * kPage, i, seed);
}

// Has the region in it, and has said so. Pages are shared with its child, swapped out, huge.
pid_t make_source(const std::vector<bool>& filled, std::uint64_t seed, Random& random) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return -1;
  bool huge = random.one_in(2);
  bool swapped = random.one_in(3);
  bool forked = random.one_in(3);
  pid_t pid = fork_mortal();
  if (pid == 0) {
    map_arena(0, kRegionPages);
    if (huge) madvise(kArena, kRegionPages * kPage, MADV_HUGEPAGE);
    fill_region(filled, seed);
    if (swapped) madvise(kArena, kRegionPages * kPage / 2, MADV_PAGEOUT);
    if (forked) fork_mortal();
    if (write(ready[1], "r", 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(ready[1]);
  char byte;
  if (pid > 0 && read(ready[0], &byte, 1) != 1) {
    end_child(pid);
    pid = -1;
  }
  close(ready[0]);
  return pid;
}

// Others free what they find, and its place is taken by theirs.
struct Snapshot {
  std::uint64_t off = 0;
  std::uint64_t generation = 0;  // 0: it has gone already
};

// Whether it was the restore that lost something: tells what an ordinary one of the same snapshot
// gives.
std::string what_snapshot_has(const Module& module, const Snapshot& snapshot,
                              const std::vector<bool>& filled, std::uint64_t seed, Random& random) {
  munmap(kArena, kArenaBytes);
  Model anew(module, random);
  anew.map_pieces(kRegionPages);
  const long ret = module.restore(RMFORK_OP_RESTORE_ONE, 0, snapshot.off,
                                  {arena_range(0, kRegionPages)}, snapshot.generation);
  if (ret != 0) return "it cannot be restored anew: " + std::to_string(ret);
  anew.restored(filled, seed);
  const std::string wrong = anew.check();
  return "restored anew: " + (wrong.empty() ? "right" : wrong + ", " + anew.describe_wrong());
}

// Restores into this process, which is there for that alone, and looks.
std::string restored_wrongly(const Module& module, const Snapshot& snapshot, std::uint64_t op,
                             const std::vector<bool>& filled, std::uint64_t seed, Random& random) {
  munmap(kArena, kArenaBytes);
  Model model(module, random);
  model.map_pieces(kRegionPages);
  // Somebody else may have freed it meanwhile.
  if (module.restore(op, 0, snapshot.off, {arena_range(0, kRegionPages)}, snapshot.generation) != 0)
    return {};
  model.restored(filled, seed);
  std::string wrong;
  for (std::uint64_t i = random.below(kSteps); i > 0 && wrong.empty(); i--) wrong = model.step();
  if (wrong.empty()) wrong = model.check();
  if (!wrong.empty()) {
    const std::string pages = model.describe_wrong();  // before they go
    std::printf("# %s:\n%s# %s; %s\n", wrong.c_str(), model.history().c_str(), pages.c_str(),
                what_snapshot_has(module, snapshot, filled, seed, random).c_str());
    std::fflush(stdout);
  }
  return wrong;
}

// A child that restores and looks.
pid_t start_check(const Module& module, Shared& shared, const Snapshot& snapshot,
                  const std::vector<bool>& filled, std::uint64_t seed, Random& random) {
  std::vector<std::uint64_t> ways = {RMFORK_OP_RESTORE_ONE};
  if (module.has(RMFORK_FEAT_RESTORE_ALL)) ways.push_back(RMFORK_OP_RESTORE_ALL);
  if (module.has(RMFORK_FEAT_LAZY)) ways.push_back(RMFORK_OP_RESTORE_LAZY);
  std::uint64_t op = random.pick(ways);
  const std::uint64_t steps_seed = random.next();
  pid_t pid = fork_mortal();
  if (pid != 0) return pid;
  Random steps(steps_seed);
  std::string wrong = restored_wrongly(module, snapshot, op, filled, seed, steps);
  if (!wrong.empty()) shared.complain("after " + std::string(operation(op)->name) + ": " + wrong);
  _exit(0);
}

}  // namespace

void round_trip(const Module& module, Shared& shared, std::uint64_t seed) {
  Random random(seed);
  const std::vector<bool> filled = plan(random);
  const std::uint64_t contents = random.next() & 0xfffff;
  pid_t source = make_source(filled, contents, random);
  if (source < 0) return;
  Snapshot snapshot;
  long ret = module.dump(source, {arena_range(0, kRegionPages)}, &snapshot.off);
  if (ret == 0) snapshot.generation = module.generation_of(snapshot.off, source);
  bool killed = random.one_in(2);
  if (killed) {
    end_child(source);
  }
  if (snapshot.generation != 0) {
    std::vector<pid_t> checks;
    for (std::uint64_t i = random.up_to(3); i > 0; i--)
      checks.push_back(start_check(module, shared, snapshot, filled, contents, random));
    if (random.one_in(3)) module.on_snapshot(RMFORK_OP_FREE, snapshot.off);
    for (pid_t pid : checks)
      if (pid > 0) waitpid(pid, nullptr, 0);
    module.on_snapshot(RMFORK_OP_FREE, snapshot.off);
    shared.round_trips++;
  }
  if (!killed) {
    end_child(source);
  }
}

}  // namespace rmfork::fuzz
