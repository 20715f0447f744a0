// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/damage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "rmfork/error.h"
#include "rmfork/test/fuzz/kernel/process.h"
#include "rmfork/test/fuzz/kernel/random.h"
#include "rmfork/test/fuzz/kernel/source.h"
#include "rmfork/test/fuzz/kernel/ubmem-pages.h"

namespace rmfork::fuzz {
namespace {

constexpr int kConcurrentCalls = 2000;

class Damage {
 public:
  Damage(const Module& module, std::uint64_t seed)
      : module_(module), random_(seed), pool_(module.query()) {
    for (std::uint64_t op : {RMFORK_OP_RESTORE_ONE, RMFORK_OP_RESTORE_ALL, RMFORK_OP_RESTORE_LAZY})
      if (module_.can(*operation(op))) restores_.push_back(op);
    take();
  }

  ~Damage() {
    try {
      module_.on_snapshot(RMFORK_OP_FREE, off_);
    } catch (...) {
      // Nothing left to free.
    }
  }
  Damage(const Damage&) = delete;
  Damage& operator=(const Damage&) = delete;

  // Only VERIFY looks at the superblocks: a snapshot can be had without them.
  std::string superblocks() {
    std::string wrong;
    for (std::uint64_t super : pages().supers())
      wrong += each_byte(super, sizeof(rmfork_super), [this](std::uint64_t) {
        return expect("VERIFY", module_.on_snapshot(RMFORK_OP_VERIFY, off_), -EBADMSG);
      });
    return wrong;
  }

  std::string header() {
    return each_byte(pages().header(), sizeof(rmfork_snapshot_header), [this](std::uint64_t) {
      rmfork_info info = {};
      return refused_everywhere() + expect("INFO", module_.info(off_, &info), -EBADMSG) + listed();
    });
  }

  std::string index() {
    std::string wrong;
    for (std::uint64_t block : pages().blocks()) {
      wrong += each_byte(block, sizeof(rmfork_index_block), [this](std::uint64_t) {
        return expect("VERIFY", module_.on_snapshot(RMFORK_OP_VERIFY, off_), -EBADMSG) +
               refused(random_.pick(restores_));
      });
      if (!wrong.empty()) break;
    }
    return wrong;
  }

  // Behind the header there is nothing to be wrong.
  std::string rest_of_header_page() {
    return each_byte(pages().header() + sizeof(rmfork_snapshot_header), 256, [this](std::uint64_t) {
      return expect("VERIFY", module_.on_snapshot(RMFORK_OP_VERIFY, off_), 0);
    });
  }

  // Nothing says what a page should hold; the damage reaches who restores it, and nobody else.
  std::string data() {
    map_arena(0, Source::kPages);
    long ret = module_.restore(RMFORK_OP_RESTORE_ONE, 0, off_, Source::region());
    // The first page of a mapping is copied.
    const auto* byte = reinterpret_cast<const std::uint8_t*>(kArena) + kPage + 16;
    std::uint64_t at = physical(kArena + kPage) + 16;
    const std::uint8_t was = pages().byte(at);
    pages().set_byte(at, static_cast<std::uint8_t>(~was));
    std::string wrong = expect("RESTORE_ONE", ret, 0);
    if (*byte == was) wrong += "the page is not that of ubmem; ";
    pages().set_byte(at, was);
    wrong += Source::check();
    munmap(kArena, Source::kPages * kPage);
    return wrong;
  }

  // FREE knows by itself what belongs to the snapshot.
  std::string free_of_rubbish() {
    scribble_all();
    std::string wrong = expect("FREE", module_.on_snapshot(RMFORK_OP_FREE, off_), 0);
    restore_supers();
    wrong += pool_differs(module_, pool_);
    take();
    return wrong;
  }

  // What is already in a task does not need the books any more.
  std::string after_restore(std::uint64_t op) {
    map_arena(0, Source::kPages);
    std::string wrong =
        expect(operation(op)->name, module_.restore(op, 0, off_, Source::region()), 0);
    scribble_all();
    if (op == RMFORK_OP_RESTORE_LAZY && random_.one_in(2))
      wrong += expect("SETTLE",
                      module_.issue({.rmfork_opt = RMFORK_OP_SETTLE,
                                     .pid = static_cast<std::uint64_t>(getpid())}),
                      0);
    wrong += Source::check();
    munmap(kArena, Source::kPages * kPage);
    wrong += expect("FREE", module_.on_snapshot(RMFORK_OP_FREE, off_), 0);
    restore_supers();
    wrong += pool_differs(module_, pool_);
    take();
    return wrong;
  }

  // Another process writes to the books all the while.
  std::string while_running() {
    pid_t writer = fork_mortal();
    if (writer == 0) {
      for (;;) pages().set_byte(some_book_byte(), static_cast<std::uint8_t>(random_.next()));
    }
    std::string wrong;
    for (int i = 0; i < kConcurrentCalls && wrong.empty(); i++) wrong = any_operation();
    end_child(writer);
    wrong += expect("FREE", module_.on_snapshot(RMFORK_OP_FREE, off_), 0);
    restore_supers();
    wrong += pool_differs(module_, pool_);
    take();
    return wrong;
  }

  const std::vector<std::uint64_t>& restores() const { return restores_; }

 private:
  // A new snapshot, and where its books lie.
  void take() {
    long ret = module_.dump(source_.pid(), Source::region(), &off_);
    rmfork_info info = {};
    if (ret == 0) ret = module_.info(off_, &info);
    if (ret < 0) throw Error("dumping for a test", static_cast<int>(-ret));
    pages_.clear();
    pages_.emplace_back(module_.query(), info);
  }

  const UbmemPages& pages() const { return pages_.front(); }

  static std::string expect(const char* what, long ret, long wanted) {
    if (ret == wanted) return {};
    return std::string(what) + " answers " + result_text(ret) + ", not " + result_text(wanted) +
           "; ";
  }

  std::string refused(std::uint64_t op) {
    map_arena(0, Source::kPages);
    long ret = module_.restore(op, 0, off_, Source::region());
    munmap(kArena, Source::kPages * kPage);
    return expect(operation(op)->name, ret, -EBADMSG);
  }

  std::string refused_everywhere() {
    std::string wrong = expect("VERIFY", module_.on_snapshot(RMFORK_OP_VERIFY, off_), -EBADMSG);
    for (std::uint64_t op : restores_) wrong += refused(op);
    return wrong;
  }

  std::string listed() {
    rmfork_info info = {};
    rmfork_kargs kargs = {.rmfork_opt = RMFORK_OP_LIST};
    kargs.va = reinterpret_cast<std::uint64_t>(&info);
    kargs.nr_iovs = sizeof(info);
    return expect("LIST", module_.issue(kargs), 1);
  }

  // Changes each byte in turn, lets `look` judge, and puts it back; then all must be well.
  template <typename Look>
  std::string each_byte(std::uint64_t from, std::size_t size, Look look) {
    for (std::uint64_t at = from; at < from + size; at++) {
      const std::uint8_t was = pages().byte(at);
      const auto mask = static_cast<std::uint8_t>(random_.one_in(2) ? 1 << random_.below(8)
                                                                    : 1 + random_.below(255));
      pages().set_byte(at, was ^ mask);
      std::string wrong = look(at);
      pages().set_byte(at, was);
      wrong += expect("VERIFY, with all put back,", module_.on_snapshot(RMFORK_OP_VERIFY, off_), 0);
      if (!wrong.empty())
        return "byte " + std::to_string(at - from) + " changed by " + std::to_string(mask) + ": " +
               wrong;
    }
    return {};
  }

  std::uint64_t some_book_byte() {
    std::uint64_t which = random_.below(2 + pages().blocks().size());
    if (which == 0) return random_.pick(pages().supers()) + random_.below(sizeof(rmfork_super));
    if (which == 1) return pages().header() + random_.below(sizeof(rmfork_snapshot_header));
    return pages().blocks()[which - 2] + random_.below(kPage);
  }

  void scribble_all() {
    for (std::size_t i = 0; i < kPage; i++) {
      pages().set_byte(pages().header() + i, static_cast<std::uint8_t>(random_.next()));
      for (std::uint64_t block : pages().blocks())
        pages().set_byte(block + i, static_cast<std::uint8_t>(random_.next()));
    }
    for (std::uint64_t super : pages().supers())
      for (std::size_t i = 0; i < sizeof(rmfork_super); i++)
        pages().set_byte(super + i, static_cast<std::uint8_t>(random_.next()));
  }

  // The module writes one with every new snapshot, but not whose the pool is.
  void restore_supers() {
    pages().put_users_back();
    for (int i = 0; i < RMFORK_SUPERS; i++) {
      std::uint64_t off = 0;
      if (module_.dump(source_.pid(), {arena_range(0, 1)}, &off) == 0)
        module_.on_snapshot(RMFORK_OP_FREE, off);
    }
  }

  std::string any_operation() {
    const std::uint64_t op = random_.pick(operations()).number;
    rmfork_info info = {};
    long ret = 0;
    if (op == RMFORK_OP_INFO) ret = module_.info(off_, &info);
    if (op == RMFORK_OP_VERIFY) ret = module_.on_snapshot(op, off_);
    if (op == RMFORK_OP_LIST) return listed();
    if (op == RMFORK_OP_DUMP) restore_supers();
    for (std::uint64_t restore : restores_)
      if (op == restore) {
        map_arena(0, Source::kPages);
        ret = module_.restore(op, 0, off_, Source::region());
        munmap(kArena, Source::kPages * kPage);
      }
    if (ret == 0 || ret == -EBADMSG) return {};
    return std::string(operation(op)->name) + " answers " + result_text(ret) + "; ";
  }

  // Of the page that is mapped at an address (Documentation/admin-guide/mm/pagemap.rst).
  static std::uint64_t physical(const char* at) {
    std::uint64_t entry = 0;
    volatile char touch = *at;
    (void)touch;
    Fd map(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    auto pos = static_cast<off_t>(reinterpret_cast<std::uint64_t>(at) / kPage * sizeof(entry));
    if (pread(map.get(), &entry, sizeof(entry), pos) != sizeof(entry) || entry >> 63 == 0)
      throw Error("finding the physical address of a page", errno);
    return (entry & ((1ULL << 55) - 1)) * kPage;
  }

  const Module& module_;
  Random random_;
  const rmfork_query pool_;
  Source source_;
  std::vector<std::uint64_t> restores_;
  std::uint64_t off_ = 0;
  std::vector<UbmemPages> pages_;  // of the snapshot at off_; always one
};

}  // namespace

void damage_everything(const Module& module, std::uint64_t seed, Report& report) {
  if (!UbmemPages::reachable() || !module.has(RMFORK_FEAT_VERIFY | RMFORK_FEAT_INFO)) {
    report.skipped("damage", "there is no /dev/rmfork-poke, or the module has no VERIFY");
    return;
  }
  std::printf("# --seed %llu\n", static_cast<unsigned long long>(seed));
  const rmfork_query before = module.query();
  {
    Damage damage(module, seed);
    report.settle("damage: the superblocks", damage.superblocks());
    report.settle("damage: a snapshot's header", damage.header());
    report.settle("damage: behind the header", damage.rest_of_header_page());
    report.settle("damage: the index", damage.index());
    report.settle("damage: a page of data", damage.data());
    report.settle("damage: FREE of rubbish", damage.free_of_rubbish());
    for (std::uint64_t op : damage.restores())
      report.settle(std::string("damage: after ") + operation(op)->name, damage.after_restore(op));
    report.settle("damage: while operations run", damage.while_running());
  }
  report.settle("damage: the pool is as it was", pool_differs(module, before));
}

}  // namespace rmfork::fuzz
