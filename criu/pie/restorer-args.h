// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

#include "criu/pie/parasite-args.h"
#include "criu/pie/sched-attr.h"
#include "rmfork/restore-call.h"

// What the restorer blob is told: plain data, in the one mapping that survives while the old
// address space is dropped. All pointers are addresses in that mapping.
namespace criu::pie {

// The stages of a restore. A task that has done its part counts itself off and waits for the next.
enum Stage : uint32_t {
  kCreate = 1,  // all tasks exist, leaders lead their sessions and groups
  kGroups = 2,  // all have joined their groups,
  // but for those that have left one of their own; they do, round by round. Helpers end, unless
  // they have made orphans.
  kGroupsLeft = 3,
  // Where orphans are left to their parents, round by round: the helpers of the round have ended,
  kOrphansLeft = 4,
  // and who adopts in the next one is a subreaper. After the last round zombies end.
  kAdopters = 5,
  // Where tasks share a descriptor table: those that share another's leave it alone from then on,
  kTableLeft = 6,
  // until it is restored.
  kTables = 7,
  // Where tasks share a working directory: nobody opens anything by a path any more.
  kPaths = 8,
  kMemory = 9,    // files and memory are in place
  kThreads = 10,  // all threads exist
  // Where tasks share a descriptor table: nobody needs a service descriptor any more.
  kFilesDone = 11,
  kReady = 12,  // signals, timers, credentials are in place: only to be let go
};

// A stage that there is several times is another one in each round.
constexpr Stage in_round(Stage stage, uint32_t round) {
  constexpr uint32_t kRoundShift = 8;
  return static_cast<Stage>(stage | round << kRoundShift);
}

// The steps of the restorer that can fail, for the report.
enum Step : uint32_t {
  kStepNone,
  kStepMove,
  kStepUnmap,
  kStepMap,
  kStepReadPages,
  kStepRmfork,
  kStepProtect,
  kStepAdvise,
  kStepLock,
  kStepMmFields,
  kStepThread,
  kStepRseq,
  kStepRobustList,
  kStepAltStack,
  kStepSched,
  kStepSignalAction,
  kStepSignalQueue,
  kStepItimer,
  kStepTimer,
  kStepRlimit,
  kStepCreds,
  kStepPrctl,
  kStepThreadFile,
  kStepOwner,
  kStepFileLock,
  kStepAffinity,
  kStepIoPriority,
  kStepName,
  kStepLockFuture,
  kStepGuard,
  kStepXcomp,
  kStepThreadPolicy,
  kStepMappingPolicy,
  kStepSeal,
};

// In memory that the coordinator and all tasks share. Futex words are changed by atomic operations.
struct SharedStages {
  uint32_t stage;    // the one under way
  uint32_t left;     // who has yet to do it
  uint32_t aborted;  // somebody failed: end
  // A robust futex (set_robust_list(2)) that the coordinator owns: the kernel sets FUTEX_OWNER_DIED
  // when it ends, reaped or not. A task that waits in vain ends then.
  uint32_t coordinator;
  uint64_t coordinator_node;  // its struct robust_list
  // The first failure in a restorer.
  uint32_t failed_step;  // Step
  int32_t failed_pid;
  int64_t failed_error;    // -errno
  uint64_t failed_detail;  // an address, or a number: as the step has it
};

// Of NUMA: set_mempolicy(2), mbind(2). nodes: bit n % 64 of word n / 64 for node n.
struct MemoryPolicy {
  uint32_t mode, nr_words;
  const uint64_t* nodes;
};

struct MapRequest {
  uint64_t start, end, offset;
  uint64_t ready_at;  // where it is mapped and filled already (and is moved from); 0: nowhere
  uint32_t prot, flags;
  int32_t fd;
  uint32_t fill_prot;  // while it is being filled
  uint64_t advice;     // bit n: madvise(2) advice n
  uint32_t lock;       // of LockMode
  uint32_t sealed;
  const char* name;            // of anonymous memory; null: none
  const MemoryPolicy* policy;  // null: none of its own
};

enum LockMode : uint32_t { kLockNot, kLockAll, kLockOnFault };

// A part of the vDSO: own: where it is now; parked: where it waits; home: where it belongs (0:
// nowhere).
struct VdsoPart {
  uint64_t own, parked, home, size;
};

struct IoVec {
  uint64_t base, size;
};

constexpr uint64_t kMaxIoVecs = 1024;  // UIO_MAXIOV

// Pages that lie one behind the other in the pages image, from `offset` on, in bytes.
struct PageRead {
  uint64_t offset;
  uint64_t first_iov, nr_iov;  // of RestorerArgs::pages; at most kMaxIoVecs
};

struct RestorerArgs;

// A thread that lives as long as there are pages to be read.
constexpr uint64_t kFillerStack = 4096;  // bytes
struct PageFiller {
  RestorerArgs* args;
  uint8_t* buffer;  // as RestorerArgs::page_buffer
  uint64_t stack_top;
  int32_t tid;       // or a negative error; of the leader alone
  uint32_t running;  // futex: the tid, 0 when it has ended; the kernel changes it
};

// madvise(2) MADV_GUARD_INSTALL, Linux 6.13.
constexpr int kMadvGuardInstall = 102;

// Addresses, end exclusive.
struct KeptRange {
  uint64_t start, end;
};

// prctl(2) PR_SET_MM_MAP, struct prctl_mm_map.
struct MmMap {
  uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
  uint64_t arg_start, arg_end, env_start, env_end, auxv;
  uint32_t auxv_size, exe_fd;
};

struct PosixTimerRequest {
  int32_t id, clock;
  uint64_t sigval;
  int32_t signal, notify, thread, pad;
  uint64_t interval_sec, interval_nsec, value_sec, value_nsec;
};

struct QueuedSignal {
  uint8_t info[128];  // siginfo_t
};

struct Creds {
  uint32_t change;  // 0: they are as they should be
  uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
  uint32_t securebits, no_new_privs;
  uint64_t inh, prm, eff, bnd, amb;
  const uint32_t* groups;
  uint64_t nr_groups;
};

struct ThreadRequest {
  RestorerArgs* args;
  int32_t tid;
  uint32_t pdeath_signal;
  uint64_t stack_top;
  uint64_t robust_list, robust_list_len;
  uint64_t rseq, rseq_size;
  uint32_t rseq_signature;
  uint32_t altstack_flags;
  uint64_t altstack_sp, altstack_size;
  uint64_t clear_tid_address;
  SchedAttr sched;
  uint32_t set_sched;
  int32_t nice;
  uint64_t timerslack;      // nanoseconds; 0: leave it
  const uint8_t* affinity;  // as sched_setaffinity(2) takes it
  uint64_t affinity_size;   // bytes; 0: leave it
  uint32_t io_priority;     // 0: leave it
  int32_t mce_kill;         // PR_MCE_KILL_*; -1: leave it
  uint32_t tsc_faults, io_flusher;
  const MemoryPolicy* policy;  // null: none of its own
  uint32_t uses_tiles;         // of AMX
  char comm[16];
  Creds creds;
  const QueuedSignal* signals;
  uint64_t nr_signals;
};

// A descriptor of a thread: pidfd_open(2) PIDFD_THREAD, since Linux 6.9.
struct ThreadFile {
  int32_t fd, tid;
  int32_t like;     // a descriptor of the same open file that is there already; -1: none is
  int32_t in, out;  // of its handover, where several tasks have it; else -1
  uint32_t flags;   // as pidfd_open(2) takes them
  uint32_t close_on_exec;
};

// Who gets the signals of an open file: fcntl(2) F_SETSIG, F_SETOWN_EX, O_ASYNC.
struct FileOwner {
  int32_t fd, signal;  // signal 0: the usual one
  int32_t type, pid;   // F_OWNER_*; pid 0: nobody
  uint32_t uid, euid;  // of who set the owner
  uint32_t async;
};

// fcntl(2) F_SETLK: length 0 is to the end.
struct FileLock {
  int32_t fd;
  int16_t type, pad;
  int64_t start, length;
};

struct RestorerArgs {
  SharedStages* stages;
  uint64_t area, area_size;  // the mapping that all this lies in
  uint64_t task_size;        // the end of user space
  uint64_t syscall_ip;       // out: address of a syscall instruction in the blob
  uint64_t held_lists;       // out, behind it: threads whose restore_end() is left to the tracer
  uint64_t scratch;          // behind it: room for what the tracer passes to seccomp(2), capset(2)

  uint64_t old_rseq, old_rseq_size;  // registration of the thread that enters; 0: none
  uint32_t old_rseq_signature;
  int32_t first_service_fd, last_service_fd;  // to be closed at the end
  uint32_t tables_are_shared;                 // of some tasks of the tree: kFilesDone is waited for
  uint32_t shares_table;                      // another task's, which closes those in it

  VdsoPart* vdso;
  uint64_t nr_vdso;
  MapRequest* maps;
  uint64_t nr_maps;
  KeptRange* kept;  // all that stays of the old address space: this area, ready memory; by address
  uint64_t nr_kept;
  KeptRange* guards;  // guard pages
  uint64_t nr_guards;
  IoVec* pages;
  uint64_t nr_pages;
  PageRead* reads;  // each is done by whoever takes it
  uint64_t nr_reads;
  uint64_t next_read;  // atomic: the first that nobody has taken
  PageFiller* fillers;
  uint64_t nr_fillers;
  uint8_t* page_buffer;  // see PageReading; null: none
  uint64_t page_buffer_size;
  int32_t pages_fd;
  uint32_t thp_disabled, thp_disable_flags;
  uint32_t memory_merge, mlock_future;
  uint32_t mdwe;  // prctl(2) PR_SET_MDWE
  rmfork_restore_call rmfork;
  MmMap mm;
  uint32_t personality;
  uint32_t threads_ready;  // futex: threads that are done

  ThreadRequest* threads;  // the leader first
  uint64_t nr_threads;
  SigAction actions[kSignals];
  uint8_t set_action[kSignals];
  ItimerValue itimers[kItimers];
  PosixTimerRequest* timers;
  uint64_t nr_timers;
  const ThreadFile* thread_files;
  uint64_t nr_thread_files;
  const FileOwner* owners;
  uint64_t nr_owners;
  const FileLock* locks;
  uint64_t nr_locks;
  const QueuedSignal* signals;  // of the whole task
  uint64_t nr_signals;
  Limit limits[kLimits];
  uint32_t set_limits;
  int32_t dumpable;  // -1: leave it
  uint32_t child_subreaper;
  uint32_t membarrier;  // MEMBARRIER_CMD_REGISTER_* commands
  uint32_t xcomp;       // arch_prctl(2) ARCH_REQ_XCOMP_PERM; 0: none
};

}  // namespace criu::pie
