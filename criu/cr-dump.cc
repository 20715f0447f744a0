// SPDX-License-Identifier: GPL-2.0-only
#include "criu/cr-dump.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <thread>

#include "criu/base/error.h"
#include "criu/base/held-signals.h"
#include "criu/base/log.h"
#include "criu/base/parallel.h"
#include "criu/base/run-id.h"
#include "criu/base/stopwatch.h"
#include "criu/files/file-dump.h"
#include "criu/mm/mm-dump.h"
#include "criu/mm/rmfork-bridge.h"
#include "criu/mm/shmem-dump.h"
#include "criu/mm/task-pages.h"
#include "criu/ns/timens.h"
#include "criu/task/farewell.h"
#include "criu/task/frozen-tree.h"
#include "criu/task/ids.h"
#include "criu/task/outside-members.h"
#include "criu/task/sem-undo.h"
#include "criu/task/task-dump.h"
#include "criu/task/tree-plan.h"

namespace criu {

namespace {

constexpr uint32_t kImagesVersion = 2;  // v1.1

// The private memory of a task, as far as it goes through a pages image.
struct TaskPages {
  TaskDump* task;
  uint32_t image;  // the number of its pages image
  std::vector<mm::PageRun> runs;
  uint64_t scanned = 0;

  uint64_t count() const {
    uint64_t n = 0;
    for (const mm::PageRun& run : runs) n += run.pages;
    return n;
  }
  bool is_large() const { return mm::count_threads(count()) > 1; }
};

class Dump {
 public:
  explicit Dump(const Options& options)
      : options_(options),
        dir_(options.images_dir),
        files_(options, dir_, [this]() -> const std::string& {
          if (run_id_.empty()) run_id_ = make_run_id();
          return run_id_;
        }) {}

  void run() {
    try {
      dump();
    } catch (const std::exception& e) {
      // Then this is why, whatever was seen of it first, and in whichever task.
      const FrozenTask* killed = tree_ ? tree_->killed() : nullptr;
      if (killed != nullptr)
        fail("task {} was killed while it was dumped: {}", killed->pid, e.what());
      throw;
    }
  }

 private:
  void dump() {
    freeze();
    examine();
    ask_tasks();
    save_to_ubmem();
    // A dump that is refused leaves an earlier one in the same directory as it is.
    remove_inventory();
    mm::remove_rmfork_images(dir_);
    try {
      dump_memory();
      write_tasks();
      files_.hold();
      files_.write_ghosts();
      // There are temporary links from here on. Whoever is dead does not remove them.
      signals_.emplace();
      files_.write();
      write_tree();
      clocks_->write(dir_, ids_->timens_id());
      for (const TaskDump& t : tasks_) t.mm().aio_rings().check_still();
      write_inventory();
      finish();
    } catch (...) {
      remove_inventory();
      throw;
    }
  }

  // The stack of a task that is written to below its end grows by the limit of who writes
  // (acct_stack_growth(), mm/mmap.c), who may be used to less.
  static void lift_stack_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_STACK, &limit);
  }

  void freeze() {
    const Stopwatch watch;
    lift_stack_limit();
    tree_.emplace(options_.tree, std::chrono::seconds(options_.timeout));
    stats_.freezing_time = watch.microseconds();
    frozen_.restart();
    clocks_.emplace(options_.tree);
    check_sessions();
  }

  // Looks at everything and refuses what is not supported, before anything is changed.
  void examine() {
    ids_.emplace(tree_->tasks(), arena_);
    check_tree();
    constexpr size_t kAtOnce = 64;  // what is seen of each is kept until it is added
    for (std::span<FrozenTask> left = tree_->tasks(); !left.empty();) {
      const auto some = left.first(std::min(left.size(), kAtOnce));
      examine(some);
      left = left.subspan(some.size());
    }
    files_.check();
    refuse_sem_undo(tree_->tasks());
    if (options_.enable_rmfork) rmfork_.emplace(options_, dir_);
    if (options_.skip_pages && options_.enable_rmfork) check_no_pages_needed();
    if (options_.enable_rmfork) log::info("RMFork enabled: kernel-side memory checkpoint/restore");
    if (options_.skip_pages) log::info("Will skip pages.img generation (lightweight dump)");
  }

  void examine(std::span<FrozenTask> tasks) {
    std::vector<TaskDump*> alive;
    for (FrozenTask& task : tasks)
      if (!task.is_zombie())
        alive.push_back(&tasks_.emplace_back(task, ids_->table_owner(task.pid) != 0));
    for (TaskDump* t : alive) t->read_stopped();
    for_each_in_parallel(alive.size(), 1, [&](size_t i) { alive[i]->look(); });
    auto next = alive.begin();
    for (FrozenTask& task : tasks) {
      if (task.is_zombie())
        check_zombie(task);
      else
        (*next++)->add(files_);
    }
  }

  // Without pages images whatever rmfork cannot move would be lost.
  void check_no_pages_needed() const {
    if (!files_.shmem().all().empty())
      fail("--skip-pages: shared memory of the tree needs a pages image; leave the option out");
    for (const TaskDump& t : tasks_)
      if (const mm::Vma* v = t.mm().not_by_rmfork())
        fail("--skip-pages: {} of task {} ({:x}-{:x}) needs a pages image; leave the option out",
             v->is_aio_ring() ? "an AIO ring"
             : v->huge_tlb    ? "memory of huge pages"
                              : "locked memory",
             t.pid(), v->start, v->end);
  }

  // An inventory vouches for the images: one of an earlier dump must not do so for those that are
  // being overwritten, nor one of a dump that failed after it (the statistics come later).
  void remove_inventory() const {
    if (unlinkat(dir_.fd(), image::file_name(image::Kind::kInventory).c_str(), 0) < 0 &&
        errno != ENOENT)
      fail_errno("cannot remove the old inventory in {}", options_.images_dir);
  }

  void check_sessions() const {
    const FrozenTask& root = tree_->root();
    if (options_.shell_job) return;
    if (root.stat.session != root.pid)
      fail(
          "the root task {} is not the leader of its session ({}): use --shell-job for a tree "
          "started from a shell",
          root.pid, root.stat.session);
  }

  // The tree that would be refused by a restore is refused here.
  void check_tree() {
    std::vector<PlannedTask> tasks;
    for (const FrozenTask& task : tree_->tasks()) {
      PlannedTask t;
      if (task.is_zombie()) t.role = PlannedTask::Role::kZombie;
      t.pid = task.pid, t.pgid = task.stat.pgrp, t.sid = task.stat.session;
      t.ppid = &task == &tree_->root() ? 0 : task.stat.ppid;
      t.exit_signal = task.stat.exit_signal;
      t.threads = {t.pid};
      t.table_owner = ids_->table_owner(t.pid);
      t.fs_owner = ids_->fs_owner(t.pid);
      tasks.push_back(std::move(t));
    }
    const TreePlan plan(options_, std::move(tasks));
    if (!options_.leave_running && !options_.leave_stopped) refuse_outside_members(plan);
  }

  // Whatever needs no tracer.
  void for_each_task(const std::function<void(TaskDump&)>& work) {
    std::vector<TaskDump*> all;
    for (TaskDump& t : tasks_) all.push_back(&t);
    for_each_in_parallel(all.size(), 1, [&](size_t i) { work(*all[i]); });
  }

  // What may be refused for want of room in it.
  void save_to_ubmem() {
    const Stopwatch watch;
    for (TaskDump& t : tasks_) {
      if (rmfork_)
        rmfork_->dump(t.mm(), &t == &tasks_.front());
      else
        mm::settle_lazy_memory(t.mm(), options_);
    }
    stats_.memdump_time = watch.microseconds();
  }

  void dump_memory() {
    const Stopwatch watch;
    if (rmfork_) rmfork_->write();
    std::vector<TaskPages> pages;
    for (TaskDump& t : tasks_) pages.push_back({&t, pages_ids_.next(), {}});
    write_private_pages(pages);
    if (!options_.skip_pages)
      stats_.shpages_written = mm::write_shmem(files_.shmem(), dir_, pages_ids_) / mm::kPage;
    mm::write_segments(files_.shmem(), dir_, ids_->own()->ipc_ns_id);
    stats_.memdump_time += watch.microseconds();
  }

  // Of tasks with little memory each is one thread's; for one with much there are many threads.
  void write_private_pages(std::vector<TaskPages>& all) {
    const Stopwatch writing;
    for_each_in_parallel(all.size(), 1, [&](size_t i) {
      TaskPages& p = all[i];
      // No page is stored with --skip-pages, but guard pages are part of the other images.
      p.runs = p.task->mm().ordinary_pages(rmfork_ || options_.skip_pages, p.scanned);
      if (options_.skip_pages) p.runs.clear(), p.scanned = 0;
      if (!p.is_large()) write_pages(p, 1);
    });
    for (const TaskPages& p : all) {
      if (p.is_large()) write_pages(p, count_processors());
      stats_.pages_scanned += p.scanned;
      stats_.pages_written += p.count();
    }
    stats_.memwrite_time = writing.microseconds();
  }

  void write_pages(const TaskPages& p, unsigned threads) const {
    const pid_t pid = p.task->pid();
    mm::write_pages(dir_, image::Kind::kPagemap, static_cast<uint64_t>(pid), p.image, p.runs,
                    mm::task_pages(pid, p.task->mm().shared_since_fork()), threads);
    log::debug("Task {}: {} pages by pages image", pid, p.count());
  }

  // What a task alone can tell may be a reason to refuse it, too.
  void ask_tasks() {
    compel::GadgetMemo memo;
    constexpr size_t kAtOnce = 32;
    for (auto next = tasks_.begin(); next != tasks_.end();) {
      std::vector<TaskDump*> some;
      for (; next != tasks_.end() && some.size() < kAtOnce; ++next) some.push_back(&*next);
      ask_tasks(some, memo);
    }
  }

  static void ask_tasks(std::span<TaskDump* const> tasks, compel::GadgetMemo& memo) {
    try {
      std::vector<TaskAnswer*> answers;
      for (TaskDump* t : tasks) answers.push_back(&t->begin_to_ask(memo));
      TaskAnswer::ask(answers);
    } catch (...) {
      // As they were, before anything else is done with them.
      for (TaskDump* t : tasks) t->forget_answer();
      throw;
    }
    for (TaskDump* t : tasks) t->take_answer();
  }

  void write_tasks() {
    struct Core {
      TaskDump* task;
      size_t thread;
    };
    std::vector<Core> cores;
    for (TaskDump& t : tasks_) {
      t.answer().read_signals(t.task());
      t.add_to(filters_);
      for (size_t i = 0; i < t.task().threads.size(); i++) cores.push_back({&t, i});
    }
    constexpr size_t kGrain = 8;
    for_each_in_parallel(cores.size(), kGrain, [&](size_t i) {
      const TaskDump& t = *cores[i].task;
      t.core().write(dir_, cores[i].thread, t.answer());
    });
    filters_.write(dir_);
    for_each_task([&](const TaskDump& t) { t.write(dir_, *ids_); });
    for (const FrozenTask& task : tree_->tasks())
      if (task.is_zombie()) write_zombie_core(dir_, task);
  }

  void write_tree() {
    image::Writer img(dir_, image::Kind::kPstree);
    for (const FrozenTask& task : tree_->tasks()) {
      auto* e = arena_.make<PstreeEntry>();
      e->pid = static_cast<uint32_t>(task.pid);
      e->ppid = &task == &tree_->root() ? 0 : static_cast<uint32_t>(task.stat.ppid);
      e->pgid = static_cast<uint32_t>(task.stat.pgrp);
      e->sid = static_cast<uint32_t>(task.stat.session);
      e->n_threads = std::max<size_t>(1, task.threads.size());
      e->threads = arena_.array<uint32_t>(e->n_threads);
      e->threads[0] = e->pid;
      for (size_t i = 1; i < task.threads.size(); i++)
        e->threads[i] = static_cast<uint32_t>(task.threads[i]->tid());
      img.write(e);
    }
    img.close();
  }

  // Last: a directory without an inventory holds no finished dump.
  void write_inventory() {
    auto* e = arena_.make<InventoryEntry>();
    e->img_version = kImagesVersion;
    CRIU_SET_OPTIONAL(e, fdinfo_per_id, 1);
    CRIU_SET_OPTIONAL(e, ns_per_id, 1);
    e->root_ids = ids_->own();
    CRIU_SET_OPTIONAL(e, lsmtype, LSMTYPE__NO_LSM);
    timespec up{};
    clock_gettime(CLOCK_BOOTTIME, &up);
    CRIU_SET_OPTIONAL(
        e, dump_uptime,
        static_cast<uint64_t>(up.tv_sec) * 1000000 + static_cast<uint64_t>(up.tv_nsec) / 1000);
    CRIU_SET_OPTIONAL(e, timens, 1);
    CRIU_SET_OPTIONAL(e, tcp_close, options_.tcp_close);
    CRIU_SET_OPTIONAL(e, network_lock_method, static_cast<uint32_t>(options_.network_lock));
    if (!run_id_.empty()) e->dump_criu_run_id = arena_.text(run_id_);
    if (rmfork_) CRIU_SET_OPTIONAL(e, rmfork, 1);
    if (options_.skip_pages) CRIU_SET_OPTIONAL(e, skip_pages, 1);
    image::write_single(dir_, image::Kind::kInventory, 0, e);
  }

  // From here on the images are whole: the tasks may end.
  void finish() {
    stats_.frozen_time = frozen_.microseconds();
    write_stats();
    signals_->check();
    signals_->drop();
    if (rmfork_) rmfork_->commit();
    // Nothing fails from here on: what is committed is not undone.
    // A tree that runs on may be dumped again, and nobody restores it meanwhile: its links go.
    if (!options_.leave_running) files_.commit();
    if (options_.leave_stopped || options_.leave_running)
      files_.release();
    else
      kill();
    if (options_.leave_stopped) tree_->leave_stopped();
    tree_.reset();
    log::info("Dumping finished successfully");
  }

  void kill() {
    Farewell farewell;
    for (const TaskDump& t : tasks_)
      farewell.say(t.pid(), t.core().stopped(), t.mm().ranges(), t.mm().vmas(), t.answer());
    files_.before_kill();
    tree_->kill();
    farewell.done();
  }

  // Every field has a value: who reads them may ask for any. There is no parent image, and no pipe
  // that pages go through.
  void write_stats() {
    CRIU_SET_OPTIONAL(&stats_, irmap_resolve, 0);
    CRIU_SET_OPTIONAL(&stats_, page_pipes, 0);
    CRIU_SET_OPTIONAL(&stats_, page_pipe_bufs, 0);
    CRIU_SET_OPTIONAL(&stats_, shpages_scanned, stats_.shpages_written);
    CRIU_SET_OPTIONAL(&stats_, shpages_skipped_parent, 0);
    CRIU_SET_OPTIONAL(&stats_, shpages_written, stats_.shpages_written);
    auto* e = arena_.make<StatsEntry>();
    e->dump = &stats_;
    const image::Directory work(options_.work_dir);
    image::Writer img(work, image::Kind::kStats, "dump");
    img.write(e);
    img.close();
    if (options_.display_stats)
      fmt::print(
          "Freezing time: {} us\nFrozen time: {} us\nMemory dump time: {} us\n"
          "Pages written: {}\nShared pages written: {}\n",
          stats_.freezing_time, stats_.frozen_time, stats_.memdump_time, stats_.pages_written,
          stats_.shpages_written);
  }

  const Options& options_;
  image::Directory dir_;
  std::string run_id_;  // empty unless it was asked for
  image::Arena arena_;
  std::optional<DelayedSignals> signals_;  // before all that is undone
  std::optional<FrozenTree> tree_;
  files::FileDump files_;
  std::list<TaskDump> tasks_;
  std::optional<KernelObjectIds> ids_;
  std::optional<ns::TimensDump> clocks_;
  std::optional<mm::RmforkDump> rmfork_;
  mm::PagesIds pages_ids_;
  SeccompFilters filters_;
  DumpStatsEntry stats_ = DUMP_STATS_ENTRY__INIT;
  Stopwatch frozen_;
};

}  // namespace

// For at least half of the time the tasks run.
void dump(const Options& options) {
  using std::chrono::milliseconds;
  milliseconds pause(5), paused(0);
  for (;;) {
    const Stopwatch watch;
    try {
      Dump(options).run();
      return;
    } catch (const Transient& e) {
      if (paused >= e.patience()) throw;
      log::info("The tasks go on for a moment, and are dumped again: {}", e.what());
    }
    pause = std::max(pause, milliseconds(watch.microseconds() / 1000));
    std::this_thread::sleep_for(pause);
    paused += pause;
    pause = std::min(2 * pause, milliseconds(100));
  }
}

}  // namespace criu
