// SPDX-License-Identifier: GPL-2.0-only
#include "criu/cr-restore.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "compel/tracee.h"
#include "criu/arch/x86_64/thread-info.h"
#include "criu/base/error.h"
#include "criu/base/held-signals.h"
#include "criu/base/log.h"
#include "criu/base/parallel.h"
#include "criu/base/proc.h"
#include "criu/base/stopwatch.h"
#include "criu/base/write-signals.h"
#include "criu/image/shared-chunks.h"
#include "criu/mm/rmfork-bridge.h"
#include "criu/ns/timens.h"
#include "criu/task/ids.h"
#include "criu/task/job.h"
#include "criu/task/keeper.h"
#include "criu/task/stop-signal.h"
#include "criu/task/task-release.h"
#include "criu/task/task-restore.h"

namespace criu {

namespace {

constexpr uint32_t kImagesVersion = 2;

// The images are whole, and of a kind that the options ask for.
const InventoryEntry* check_inventory(const Options& options, const image::Directory& dir,
                                      image::Arena& arena) {
  if (!dir.has(image::file_name(image::Kind::kInventory)))
    fail("{} holds no finished dump: inventory.img is not there", dir.path());
  const auto* e = image::read_single<InventoryEntry>(dir, image::Kind::kInventory, 0, arena);
  if (e->img_version != kImagesVersion)
    fail("the images are of version {}, not {}", e->img_version, kImagesVersion);
  if (!(e->has_fdinfo_per_id && e->fdinfo_per_id)) fail("the images are of too old a kind");
  const bool by_rmfork = (e->has_rmfork && e->rmfork) || rmfork::has_rmfork_images(dir.fd());
  if (by_rmfork && !options.enable_rmfork)
    fail("the memory of this dump lies in ubmem: restore it with --enable-rmfork");
  if (!by_rmfork && options.enable_rmfork)
    fail("--enable-rmfork: this dump was made without it, its memory lies in pages images");
  if (e->has_skip_pages && e->skip_pages && !by_rmfork)
    fail("the images hold no pages (--skip-pages): they can be inspected, not restored");
  return e;
}

// Returns the id of the time namespace of the tree, 0 where it was the dumper's.
uint32_t check_namespaces(const TreePlan& plan, const InventoryEntry& inventory) {
  std::optional<uint32_t> timens;
  for (const PlannedTask& t : plan.tasks()) {
    if (!t.lives()) continue;
    const uint32_t id = check_restored_ids(t.pid, *t.ids, inventory.root_ids);
    if (timens.value_or(id) != id)
      fail("task {} lived in a time namespace of its own: not supported yet", t.pid);
    timens = id;
  }
  return timens.value_or(0);
}

// The log, out of the way of what tasks open, for as long as a restore lasts.
class RaisedLog {
 public:
  explicit RaisedLog(const ServiceFds& fds) : before_(log::sinks()) {
    log_ = fds.raise(UniqueFd(dup(before_.log)));
    if (before_.errors >= 0) errors_ = fds.raise(UniqueFd(dup(before_.errors)));
    log::set_sinks({log_.get(), errors_.get()});
  }
  ~RaisedLog() { log::set_sinks(before_); }
  RaisedLog(const RaisedLog&) = delete;
  RaisedLog& operator=(const RaisedLog&) = delete;

 private:
  log::Sinks before_;
  UniqueFd log_, errors_;
};

// Orphans of the tree come to this process while it is made; what it was before, it is afterwards.
class Subreaper {
 public:
  Subreaper() {
    prctl(PR_GET_CHILD_SUBREAPER, &before_);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  ~Subreaper() { prctl(PR_SET_CHILD_SUBREAPER, before_); }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;

 private:
  int before_ = 0;
};

// The file that the root's pid is written to; gone again unless the restore succeeds.
class PidFile {
 public:
  explicit PidFile(const Options& options) {
    if (options.pidfile.empty()) return;
    path_ = options.pidfile[0] == '/' ? options.pidfile : options.work_dir + "/" + options.pidfile;
  }
  ~PidFile() {
    if (made_) unlink(path_.c_str());
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  void write(pid_t pid) {
    if (path_.empty()) return;
    UniqueFd fd = open_path(path_, O_WRONLY | O_CREAT | O_EXCL, 0644);
    made_ = true;
    const std::string text = std::to_string(pid);
    write_all(fd.get(), text.data(), text.size(), path_);
    fd.close(path_);
  }
  void keep() { made_ = false; }

 private:
  std::string path_;
  bool made_ = false;
};

// Whether the signal ends a task that has not asked for anything else: signal(7).
bool is_fatal(const TaskCoreEntry& tc, int sig) {
  if (sig <= 0 || sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH ||
      sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
    return false;
  return sig == SIGKILL || has_default_action(tc, sig);
}

// With --restore-detached this process ends: what would end with it is refused.
void check_detached(const Options& options, const PlannedTask& root) {
  if (!options.restore_detached || options.exec_cmd) return;
  if (getpid() == 1)
    fail(
        "--restore-detached: criu is the first process of its PID namespace, which ends with it: "
        "leave the option out, or start criu from another process there");
  if (options.restore_sibling) return;
  for (const CoreEntry* core : root.cores)
    if (const ThreadCoreEntry& t = *core->thread_core;
        t.has_pdeath_sig && is_fatal(root.core(), static_cast<int>(t.pdeath_sig)))
      fail(
          "--restore-detached: the root task {} is to get signal {} when its parent ends "
          "(PR_SET_PDEATHSIG), which would be now: leave the option out, or use "
          "--restore-sibling too",
          root.pid, t.pdeath_sig);
}

// There is no way back from it, nor a task of the restore without it.
void check_no_new_privs(const TreePlan& plan) {
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return;
  for (const PlannedTask& task : plan.tasks())
    for (const CoreEntry* core : task.cores)
      if (const ThreadCoreEntry* t = core->thread_core;
          task.lives() && !(t->creds->has_no_new_privs && t->creds->no_new_privs != 0))
        fail("criu runs with no_new_privs set, task {} did not: start criu without it", task.pid);
}

// Nor from a filter, which every task of the restore would have, too, and none of them had.
void check_own_seccomp() {
  if (proc::read_status(getpid(), getpid()).seccomp != 0)
    fail("criu runs under seccomp, the tasks did not: start criu without it");
}

class Restore {
 public:
  explicit Restore(const Options& options)
      : options_(options),
        dir_(options.images_dir),
        inventory_(check_inventory(options, dir_, arena_)),
        plan_(options, dir_, arena_),
        timens_(dir_, check_namespaces(plan_, *inventory_), inventory_->timens != 0),
        fds_(plan_.used_fds()),
        log_(fds_),
        files_(options, dir_, fds_, services()),
        shared_memory_(dir_, fds_),
        keeper_(fds_, plan_.tasks()),
        segments_(dir_),
        job_(options, dir_, plan_, fds_) {
    dir_.raise(fds_);
    chunks_.seal();
  }

  // Everything that can be refused is refused here, before a task exists.
  void prepare() {
    check_detached(options_, plan_.root());
    check_no_new_privs(plan_);
    check_own_seccomp();
    if (options_.enable_rmfork) rmfork_.emplace(options_, dir_, fds_);
    for (PlannedTask& task : plan_.tasks()) {
      check_pid_is_free(task.pid);
      rmfork_restore_call call{};
      if (task.lives()) {
        files_.need_table(task.table);
        files_.need_place(task.fs->cwd_id);
        files_.need_place(task.fs->root_id);
        if (task.fs_owner != 0) check_shared_places(task);
        mm::check_mm(task, files_, shared_memory_, segments_);
        check_asked_for(task);
        for (const CoreEntry* core : task.cores) registers_.push_back(registers(*core));
        if (rmfork_) call = rmfork_->prepare(task.pid, plan_.count_living() == 1);
      }
      if (rmfork_) rmfork_calls_.push_back(call);
    }
    if (rmfork_) log::info("RMFork enabled: kernel-side memory checkpoint/restore");
    files_.read();
    files_.prepare();
    shared_memory_.make_all();
    segments_.make_all(keeper_);
    prepare_pages();
  }

  void run() {
    const Stopwatch watch;
    const size_t n = plan_.tasks().size();
    void* p = mmap(nullptr, n * sizeof(TaskSlot), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) fail_errno("cannot map shared memory");
    slots_ = static_cast<TaskSlot*>(p);
    const Subreaper subreaper;
    PidFile pidfile(options_);
    signal(SIGCHLD, SIG_DFL);
    try {
      create_and_restore(pidfile);
      stats_.restore_time = watch.microseconds();
    } catch (...) {
      stages_.abort();
      kill_all();
      job_.take_back();
      job_.let_signals_through();
      throw;
    }
    pidfile.keep();
    files_.finish();
  }

  pid_t root_pid() const { return plan_.root().pid; }
  // Of what is left when the rest has gone.
  Job take_job() { return std::move(job_); }

  void report() {
    image::Arena arena;
    auto* e = arena.make<StatsEntry>();
    e->restore = &stats_;
    const image::Directory work(options_.work_dir);
    image::Writer img(work, image::Kind::kStats, "restore");
    img.write(e);
    img.close();
    if (options_.display_stats)
      fmt::print("Forking time: {} us\nRestore time: {} us\n", stats_.forking_time,
                 stats_.restore_time);
  }

 private:
  files::RestoreServices services() {
    return {
        .shmem_fd = [this](uint64_t id) { return shared_memory_.fd(id); },
        .fill_shmem = [this](uint64_t id, uint64_t size,
                             int fd) { shared_memory_.fill(id, size, fd); },
        .note_directory =
            [this](const std::string& path) {
              keeper_.begin(false);
              keeper_.note_directory(path);
            },
        .note_connections =
            [this](const std::vector<int>& fds) {
              keeper_.begin(false);
              keeper_.note_connections(fds);
            },
    };
  }

  // Sharers come to where the first of them is put.
  void check_shared_places(const PlannedTask& task) const {
    const auto& owner = *std::ranges::find(plan_.tasks(), task.fs_owner, &PlannedTask::pid);
    if (!files_.are_same_place(task.fs->cwd_id, owner.fs->cwd_id) ||
        !files_.are_same_place(task.fs->root_id, owner.fs->root_id))
      fail("fs-{}.img: the directories are not those of task {}, which shares them", task.pid,
           owner.pid);
  }

  // rmfork has its own ways to what is in common.
  void prepare_pages() {
    pages_.resize(plan_.tasks().size());
    constexpr size_t kGrain = 8;
    for_each_in_parallel(pages_.size(), kGrain, [this](size_t i) {
      const PlannedTask& task = plan_.tasks()[i];
      if (task.lives())
        pages_[i] = std::make_unique<mm::PagesImage>(dir_, image::Kind::kPagemap,
                                                     static_cast<uint64_t>(task.pid));
    });
    std::vector<mm::InheritedMemory::Task> tasks;
    for (const PlannedTask& task : plan_.tasks()) {
      tasks.push_back({task.mm, pages_[tasks.size()].get(), {}});
      if (!rmfork_) append_heirs(tasks.back().heirs, task);
    }
    inherited_ = mm::InheritedMemory(std::move(tasks), dir_);
  }

  // Helpers have no memory of their own: those that they make inherit that of their makers.
  void append_heirs(std::vector<size_t>& heirs, const PlannedTask& task) const {
    for (const size_t child : task.children) {
      const PlannedTask& made = plan_.tasks()[child];
      if (made.lives())
        heirs.push_back(child);
      else
        append_heirs(heirs, made);
    }
  }

  static void check_asked_for(const PlannedTask& task) {
    try {
      arch::check_asked_for(task.core(), task.cores);
    } catch (const Error& e) {
      fail("task {}: {}", task.pid, e.what());
    }
  }

  static compel::Registers registers(const CoreEntry& core) {
    return arch::registers_of(*core.thread_info);
  }

  void create_and_restore(PidFile& pidfile) {
    const Stopwatch watch;
    RestoreSession session{options_,       dir_,          fds_,           plan_,      files_,
                           shared_memory_, segments_,     pages_,         inherited_, stages_,
                           slots_,         rmfork_calls_, timens_.shift()};
    const size_t all = plan_.tasks().size(), living = plan_.count_living();
    stages_.begin(pie::kCreate, all);
    {
      const auto in_namespace = timens_.enter();
      create_task(session, 0, options_.restore_sibling);
    }
    wait(pie::kCreate);
    stats_.forking_time = watch.microseconds();
    watch_tasks();
    all_watched_ = true;
    files_.fill_late();
    step(pie::kGroups, all);
    for (unsigned round = 1; round <= plan_.group_rounds(); round++)
      step(pie::in_round(pie::kGroupsLeft, round), all);
    for (unsigned round = 1; round <= plan_.adoption_rounds(); round++) {
      if (round > 1) step(pie::in_round(pie::kAdopters, round), plan_.count_after(round - 1));
      step(pie::in_round(pie::kOrphansLeft, round), plan_.count_after(round));
    }
    if (plan_.shares_tables()) {
      step(pie::kTableLeft, living);
      step(pie::kTables, living);
    }
    if (plan_.shares_fs()) step(pie::kPaths, living);
    step(pie::kMemory, living);
    log::debug("Memory restored");
    stats_.has_pages_restored = 1;
    for (size_t i = 0; i < all; i++) {
      stats_.pages_compared += slots_[i].pages.compared;
      stats_.pages_skipped_cow += slots_[i].pages.skipped;
      stats_.pages_restored += slots_[i].pages.read;
    }
    if (rmfork_) log::info("RMFork: private pages inserted by the kernel");
    step(pie::kThreads, living);
    if (plan_.shares_tables()) step(pie::kFilesDone, living);
    step(pie::kReady, living);
    // Before the tasks run: who reads it finds them there.
    pidfile.write(root_pid());
    if (!options_.restore_detached && !options_.exec_cmd) job_.hold_signals();
    files_.before_release();
    segments_.settle();
    job_.to_foreground();
    release_tasks(plan_, slots_, registers_, options_.leave_stopped, keeper_);
  }

  void step(pie::Stage stage, size_t participants) {
    stages_.begin(stage, participants);
    wait(stage);
  }

  void wait(pie::Stage stage) {
    stages_.wait_all(stage, [this] { check_alive(); });
  }

  // From when a task exists its end is seen at once, whosever child it is.
  void watch_tasks() {
    pidfds_.resize(plan_.tasks().size());
    pollfds_.resize(pidfds_.size(), {-1, POLLIN, 0});
    for (size_t i = 0; i < pidfds_.size(); i++) {
      const PlannedTask& t = plan_.tasks()[i];
      if (!t.lives() || pidfds_[i]) continue;
      // The root was made by this process.
      if (i != 0 && __atomic_load_n(&slots_[i].created, __ATOMIC_SEQ_CST) == 0) continue;
      pidfds_[i].reset(static_cast<int>(syscall(SYS_pidfd_open, t.pid, 0)));
      if (!pidfds_[i]) fail("task {} has ended while it was restored", t.pid);
      pollfds_[i].fd = pidfds_[i].get();
    }
  }

  void check_alive() {
    if (!all_watched_) watch_tasks();
    if (poll(pollfds_.data(), pollfds_.size(), 0) <= 0) return;
    for (size_t i = 0; i < pollfds_.size(); i++)
      if (pollfds_[i].revents != 0)
        fail("task {} has ended while it was restored", plan_.tasks()[i].pid);
  }

  void kill_all() {
    const HeldSignals none_stops_half_way;
    keeper_.undo();
    for (size_t i = plan_.tasks().size(); i-- > 0;)
      if (__atomic_load_n(&slots_[i].created, __ATOMIC_SEQ_CST) != 0)
        kill(plan_.tasks()[i].pid, SIGKILL);
    // As a subreaper this process inherits all of them; it may have other children as well, which
    // are not to be waited for. A sibling is its parent's to reap.
    for (size_t i = options_.restore_sibling ? 1 : 0; i < plan_.tasks().size(); i++)
      if (__atomic_load_n(&slots_[i].created, __ATOMIC_SEQ_CST) != 0) reap(plan_.tasks()[i]);
    kill_late_ones();
  }

  // A task whose parent was killed before either of them had noted that it exists has come to this
  // process by now.
  void kill_late_ones() {
    for (const pid_t child : proc::list_children(getpid())) {
      const auto task = std::ranges::find(plan_.tasks(), child, &PlannedTask::pid);
      if (task == plan_.tasks().end()) continue;
      kill(child, SIGKILL);
      reap(*task);
    }
  }

  // A task becomes this process's child when its parent, which was killed before, has ended.
  // Threads that were being released are this process's to reap one by one, as their tracer.
  static void reap(const PlannedTask& task) {
    constexpr int kRounds = 10000;
    constexpr useconds_t kPauseUs = 500;
    for (int round = 0; round < kRounds; round++) {
      for (const pid_t tid : task.threads) waitpid(tid, nullptr, __WALL | WNOHANG);
      if (kill(task.pid, 0) < 0) return;
      usleep(kPauseUs);
    }
  }

  const Options& options_;
  image::SharedChunks chunks_;
  image::Arena arena_{chunks_, 1 << 20};  // of what the plan consists of
  image::Directory dir_;
  const InventoryEntry* inventory_;
  TreePlan plan_;
  ns::TimensRestore timens_;
  ServiceFds fds_;
  RaisedLog log_;
  files::FileRestore files_;
  mm::SharedMemoryRestore shared_memory_;
  Keeper keeper_;
  mm::SegmentRestore segments_;
  Job job_;
  std::vector<std::unique_ptr<mm::PagesImage>> pages_;  // beside the tasks of the plan
  mm::InheritedMemory inherited_;
  std::optional<mm::RmforkRestore> rmfork_;
  std::vector<rmfork_restore_call> rmfork_calls_;
  std::vector<compel::Registers> registers_;  // of all threads of living tasks, in plan order
  Stages stages_;
  TaskSlot* slots_ = nullptr;
  std::vector<UniqueFd> pidfds_;
  std::vector<pollfd> pollfds_;  // beside the tasks of the plan
  bool all_watched_ = false;
  RestoreStatsEntry stats_ = RESTORE_STATS_ENTRY__INIT;
};

// The file that --exec-cmd means, found as execvp(3) does, while there is no task yet that would be
// left without its parent.
std::string find_command(const std::string& name) {
  const auto is_program = [](const std::string& file) {
    struct stat st {};
    return stat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode) && access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) {
    if (is_program(name)) return name;
    fail("--exec-cmd: there is no program {}", name);
  }
  const char* path = getenv("PATH");
  std::istringstream places(path != nullptr ? path : "/bin:/usr/bin");
  for (std::string place; std::getline(places, place, ':');)
    if (const std::string file = (place.empty() ? "." : place) + "/" + name; is_program(file))
      return file;
  fail("--exec-cmd: there is no program {}", name);
}

[[noreturn]] void execute(const std::string& file, const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  restore_write_signals();
  execv(file.c_str(), argv.data());
  fail_errno("cannot execute {}", words[0]);
}

}  // namespace

int restore(const Options& options) {
  std::optional<Job> job;
  const std::string command =
      options.exec_cmd ? find_command(options.exec_argv.front()) : std::string();
  {
    Restore restore(options);
    restore.prepare();
    restore.run();
    try {
      restore.report();
    } catch (const Error& e) {  // the tasks run: that is no failure of the restore
      log::warn("{}", e.what());
    }
    job.emplace(restore.take_job());
    log::info("Restore finished successfully. Tasks resumed.");
  }
  if (options.exec_cmd) execute(command, options.exec_argv);
  if (!options.restore_detached) job->wait();
  return 0;
}

}  // namespace criu
