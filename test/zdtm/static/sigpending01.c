// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals pending for one thread of several, and for the process while no thread takes them: each
 * thread finds its own, and the process's come to the first that unblocks them.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 3

static struct task_waiter ready[THREADS], go[THREADS];
static int wrong[THREADS];

static int take(int sig, siginfo_t *info)
{
	struct timespec no_wait = { 0, 0 };
	uint64_t set = 1ull << (sig - 1);

	return syscall(SYS_rt_sigtimedwait, &set, info, &no_wait, sizeof(set)) == sig;
}

/* Each thread has one directed signal of its own, with its number as value. */
static void *thread(void *arg)
{
	int n = (long)arg;
	siginfo_t own = { .si_signo = SIGRTMIN + n, .si_code = SI_QUEUE }, got;

	own.si_pid = getpid();
	own.si_value.sival_int = n;
	syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), own.si_signo, &own);
	task_waiter_complete(&ready[n], 1);
	task_waiter_wait(&go[n], 1);

	for (int i = 0; i < THREADS; i++) {
		bool have = take(SIGRTMIN + i, &got);

		if (have != (i == n)) {
			fail("thread %d: signal %d is %spending", n, SIGRTMIN + i, have ? "" : "not ");
			wrong[n] = 1;
		} else if (have && got.si_value.sival_int != n) {
			fail("thread %d: the value is %d", n, got.si_value.sival_int);
			wrong[n] = 1;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	sigset_t blocked;
	siginfo_t info;
	int bad = 0;

	test_init(argc, argv);
	sigfillset(&blocked);
	sigdelset(&blocked, SIGTERM);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	for (long i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, thread, (void *)i)) {
			pr_err("pthread_create");
			return 1;
		}
		task_waiter_wait(&ready[i], 1);
	}
	if (sigqueue(getpid(), SIGRTMAX, (union sigval){ .sival_int = 1234 })) {
		pr_perror("sigqueue");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < THREADS; i++) {
		task_waiter_complete(&go[i], 1);
		pthread_join(threads[i], NULL);
		bad += wrong[i];
	}
	if (bad)
		return 1;
	if (!take(SIGRTMAX, &info) || info.si_value.sival_int != 1234)
		fail("the process's signal is not pending");
	else if (take(SIGRTMAX, &info))
		fail("the process's signal is pending twice");
	else
		pass();
	return 0;
}
