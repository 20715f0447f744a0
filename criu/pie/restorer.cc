// SPDX-License-Identifier: GPL-2.0-only
//
// The restorer: runs in a task to be, drops the address space it came with, builds the one of
// the images, starts the threads, and waits to be given its registers.

#include <linux/futex.h>
#include <linux/resource.h>
#include <linux/sched.h>

#include "criu/pie/restorer-common.h"

extern "C" {
void* memset(void* to, int byte, unsigned long n) {
  void* ret = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
  return ret;
}
void* memcpy(void* to, const void* from, unsigned long n) {
  void* ret = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  return ret;
}
}

namespace criu::pie {

namespace {

constexpr long kWaitNs = 500'000'000;
constexpr unsigned long kKernelSigsetSize = 8;

struct TimeSpec {
  long sec, nsec;
};

void wake(uint32_t* word) {
  ::pie::syscall(__NR_futex, word, FUTEX_WAKE, 0x7fffffff);
}

[[noreturn]] void end_task() {
  for (;;) ::pie::syscall(__NR_exit_group, 1);
}

// Ends the task where the restore has been given up, or where nobody is left who could complete it.
void check_alive(const SharedStages* s) {
  if (__atomic_load_n(&s->aborted, __ATOMIC_SEQ_CST) != 0) end_task();
  if ((__atomic_load_n(&s->coordinator, __ATOMIC_SEQ_CST) & FUTEX_OWNER_DIED) != 0) end_task();
}

void count_off(RestorerArgs* args, Stage done) {
  SharedStages* s = args->stages;
  if (__atomic_sub_fetch(&s->left, 1, __ATOMIC_SEQ_CST) == 0) wake(&s->left);
  while (__atomic_load_n(&s->stage, __ATOMIC_SEQ_CST) == done) wait_on(args, &s->stage, done);
}

// The end of every thread's own work: to wait until the coordinator sets the registers.
[[noreturn]] void park(RestorerArgs* args) {
  for (;;) {
    const TimeSpec ts{0, kWaitNs};
    ::pie::syscall(__NR_ppoll, 0, 0, &ts, 0, 0);
    check_alive(args->stages);
  }
}

[[noreturn]] void thread_main(void* argument) {
  auto* t = static_cast<ThreadRequest*>(argument);
  restore_memory_policy(t);
  restore_thread_state(t);
  restore_credentials(t);
  queue_signals(t, t->signals, t->nr_signals, false);
  restore_end(t);
  __atomic_add_fetch(&t->args->threads_ready, 1, __ATOMIC_SEQ_CST);
  wake(&t->args->threads_ready);
  park(t->args);
}

void start_threads(RestorerArgs* args) {
  for (uint64_t i = 1; i < args->nr_threads; i++) {
    ThreadRequest* t = &args->threads[i];
    uint64_t tid = static_cast<uint64_t>(t->tid);
    clone_args ca{};
    ca.flags = CLONE_SYSVSEM;
    ca.stack_size = 4096;
    ca.stack = t->stack_top - ca.stack_size;
    ca.set_tid = reinterpret_cast<uint64_t>(&tid);
    ca.set_tid_size = 1;
    must(args, start_thread(&ca, thread_main, t), kStepThread, tid);
  }
  for (;;) {
    const uint32_t ready = __atomic_load_n(&args->threads_ready, __ATOMIC_SEQ_CST);
    if (ready + 1 >= args->nr_threads) return;
    wait_on(args, &args->threads_ready, ready);
  }
}

void block_all_signals() {
  const uint64_t all = ~0ULL;
  ::pie::syscall(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, 0, kKernelSigsetSize);
}

}  // namespace

void wait_on(RestorerArgs* args, uint32_t* futex, uint32_t value) {
  const TimeSpec ts{0, kWaitNs};
  ::pie::syscall(__NR_futex, futex, FUTEX_WAIT, value, &ts);
  check_alive(args->stages);
}

long start_thread(clone_args* ca, void (*entry)(void*), void* argument) {
  ca->flags |= CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  long ret;
  register void* kept_argument asm("rbx") = argument;
  register void (*kept_entry)(void*) asm("r12") = entry;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%rbx, %%rdi\n\t"
      "call *%%r12\n\t"
      "ud2\n"
      "1:\n"
      : "=a"(ret)
      : "a"(__NR_clone3), "D"(ca), "S"(sizeof *ca), "r"(kept_argument), "r"(kept_entry)
      : "rcx", "r11", "memory");
  return ret;
}

void give_up(RestorerArgs* args, Step step, long error, uint64_t detail) {
  SharedStages* s = args->stages;
  uint32_t none = kStepNone;
  // Not before the first one to fail has said all of it.
  if (!__atomic_compare_exchange_n(&s->failed_step, &none, step, false, __ATOMIC_SEQ_CST,
                                   __ATOMIC_SEQ_CST))
    park(args);
  s->failed_error = error;
  s->failed_detail = detail;
  s->failed_pid = static_cast<int32_t>(::pie::syscall(__NR_gettid));
  __atomic_store_n(&s->aborted, 1, __ATOMIC_SEQ_CST);
  wake(&s->stage);
  wake(&s->left);
  end_task();
}

extern "C" [[noreturn]] void restorer_main(RestorerArgs* args) {
  asm volatile("lea syscall_for_tracer(%%rip), %0" : "=r"(args->syscall_ip));
  block_all_signals();
  restore_memory_policy(&args->threads[0]);
  restore_memory(args);
  count_off(args, kMemory);

  ThreadRequest* leader = &args->threads[0];
  ask_for_xcomp(args);
  restore_actions(args);
  const Limit pending = lift_limit(args, RLIMIT_SIGPENDING);
  start_threads(args);
  count_off(args, kThreads);
  restore_thread_files(args);
  restore_owners(args);
  restore_task_state(args);
  restore_thread_state(leader);
  queue_signals(leader, leader->signals, leader->nr_signals, false);
  queue_signals(leader, args->signals, args->nr_signals, true);
  restore_limits(args);
  restore_limit(args, RLIMIT_SIGPENDING, pending);
  const Limit processes = lift_limit(args, RLIMIT_NPROC);
  restore_credentials(leader);
  restore_limit(args, RLIMIT_NPROC, processes);
  if (args->tables_are_shared != 0) count_off(args, kFilesDone);
  if (args->shares_table == 0) {
    ::pie::syscall(__NR_close_range, args->first_service_fd, args->last_service_fd, 0);
    restore_locks(args);
  }
  restore_end(leader);
  count_off(args, kReady);
  park(args);
}

// Entered with %rdi = the arguments and %rsp = the leader's stack.
asm(R"(
  .pushsection .text.blob_entry, "ax"
  .globl blob_entry
blob_entry:
  xor %ebp, %ebp
  call restorer_main
  ud2
syscall_for_tracer:
  syscall
  ud2
  .popsection
)");

}  // namespace criu::pie
