// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that have a system call answered by a handler (SECCOMP_RET_TRAP), all the time: one that has been sent the
 * signal and has not taken it yet when it is stopped still gets it, once, and with all that it says.
 */
/* zdtm: ignore=status */
#include "zdtmtst.h"

#include "seccomp.h"

#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* asm-generic/siginfo.h */
#endif

#define THREADS 6
#define ANSWER 4242

static uint32_t ends;
static __thread volatile int traps, wrong_code;

static void answer(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	traps++;
	if (info->si_code != SYS_SECCOMP || info->si_syscall != SYS_getpriority)
		wrong_code = 1 + info->si_code;
	uc->uc_mcontext.gregs[REG_RAX] = ANSWER;
}

static void *call(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&ends, __ATOMIC_ACQUIRE)) {
		long got;

		traps = 0;
		got = syscall(SYS_getpriority, 0, 0);
		if (wrong_code)
			return "the signal does not tell of the call any more";
		if (traps != 1)
			return traps ? "the signal came twice" : "the signal is lost";
		if (got != ANSWER)
			return "the call has another answer";
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_sigaction = answer, .sa_flags = SA_SIGINFO };
	pthread_t threads[THREADS];

	test_init(argc, argv);
	if (sigaction(SIGSYS, &act, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    filter_call(SYS_getpriority, SECCOMP_RET_TRAP)) {
		pr_perror("no filter");
		return 1;
	}
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, call, NULL)) {
			pr_perror("pthread_create");
			return 1;
		}

	test_daemon();
	test_waitsig();

	__atomic_store_n(&ends, 1, __ATOMIC_RELEASE);
	join_filtered(threads, THREADS);
	pass();
	return 0;
}
