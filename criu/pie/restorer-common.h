// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/sched.h>

#include "compel/pie/syscalls.h"
#include "criu/pie/restorer-args.h"

// The parts of the restorer blob, which has no libc and no exceptions: a step that fails ends the
// task, and with it the restore.
namespace criu::pie {

// Notes the failure where the coordinator finds it, and ends the task.
[[noreturn]] void give_up(RestorerArgs* args, Step step, long error, uint64_t detail);

inline void must(RestorerArgs* args, long result, Step step, uint64_t detail) {
  if (result < 0) give_up(args, step, result, detail);
}

// Until the futex has another value, or for a while. Ends the task where the restore has been given
// up, or where nobody is left who could complete it.
void wait_on(RestorerArgs* args, uint32_t* futex, uint32_t value);

// clone3(2) of a thread of this task: what that needs is added to the flags. It calls
// entry(argument), which does not return, on its own stack.
long start_thread(clone_args* ca, void (*entry)(void*), void* argument);

// restorer-memory.cc: the old address space goes, the new one comes.
void restore_memory(RestorerArgs* args);

// restorer-pages.cc
void fill_pages(RestorerArgs* args);

// restorer-thread.cc
// Before a thread uses what is asked for.
void ask_for_xcomp(RestorerArgs* args);
// Before memory is filled, and so in the leader first: a new thread has the policy of its maker.
void restore_memory_policy(const ThreadRequest* t);
void restore_thread_state(ThreadRequest* t);
// Last: what the kernel does at the thread's end, to memory that others may have as well. A restore
// that fails before leaves no trace there. Mutexes that are held are left to the tracer.
void restore_end(ThreadRequest* t);
void restore_scheduling(ThreadRequest* t);
// Before any signal is queued: to ignore one drops it from all queues (kernel/signal.c,
// do_sigaction()).
void restore_actions(RestorerArgs* args);
void restore_task_state(RestorerArgs* args);
// After all that a limit could be in the way of.
// All but two, which are lifted meanwhile, as high as may be; that says what they are to be. Queued
// signals (RLIMIT_SIGPENDING): who restores may be allowed fewer than the task has. Processes
// (RLIMIT_NPROC), until the credentials are there: who takes on a user with more than it allows
// would fail in the next execve(2) (set_user(), kernel/sys.c).
void restore_limits(RestorerArgs* args);
Limit lift_limit(RestorerArgs* args, unsigned resource);
void restore_limit(RestorerArgs* args, unsigned resource, const Limit& limit);
void restore_credentials(ThreadRequest* t);
void queue_signals(ThreadRequest* t, const QueuedSignal* signals, uint64_t n, bool shared);

// restorer-files.cc
// Once all threads of all tasks exist.
void restore_thread_files(RestorerArgs* args);
// The same: they may own the file.
void restore_owners(RestorerArgs* args);
// When no other descriptor of a file is to be closed any more, with which they would go.
void restore_locks(RestorerArgs* args);

}  // namespace criu::pie
