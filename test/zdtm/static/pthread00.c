// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eight threads, each with its own thread-local data, signal mask, name, alternate stack and
 * stack contents.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 8

static __thread int tls_number;
static __thread char tls_text[32];

static struct task_waiter ready[THREADS], go;
static int result[THREADS];

static int check_thread(int n, pid_t tid, const stack_t *alt, const char *on_stack, uint32_t crc)
{
	char name[16], want[16];
	stack_t now;
	sigset_t mask;

	snprintf(want, sizeof(want), "zdtm-thread-%d", n);
	prctl(PR_GET_NAME, name);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	sigaltstack(NULL, &now);
	if (tls_number != n || atoi(tls_text) != n)
		fail("thread %d: thread-local data is %d, %s", n, tls_number, tls_text);
	else if (strcmp(name, want))
		fail("thread %d: name is %s", n, name);
	else if (syscall(SYS_gettid) != tid)
		fail("thread %d: tid is %ld, was %d", n, syscall(SYS_gettid), tid);
	else if (!sigismember(&mask, SIGRTMIN + n) || sigismember(&mask, SIGRTMIN + n + 1))
		fail("thread %d: the signal mask changed", n);
	else if (now.ss_sp != alt->ss_sp || now.ss_size != alt->ss_size ||
		 now.ss_flags != alt->ss_flags)
		fail("thread %d: the alternate stack changed", n);
	else if (datachk(on_stack, 4096, crc))
		fail("thread %d: the stack's contents changed", n);
	else
		return 0;
	return 1;
}

static void *thread(void *arg)
{
	int n = (long)arg;
	pid_t tid = syscall(SYS_gettid);
	stack_t alt = { .ss_sp = malloc(65536), .ss_size = 65536 };
	uint32_t crc = CRC_INIT;
	char on_stack[4096], name[16];
	sigset_t mask;

	tls_number = n;
	snprintf(tls_text, sizeof(tls_text), "%d", n);
	snprintf(name, sizeof(name), "zdtm-thread-%d", n);
	prctl(PR_SET_NAME, name);
	datagen(on_stack, sizeof(on_stack), &crc);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGRTMIN + n);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	sigaltstack(&alt, NULL);

	task_waiter_complete(&ready[n], 1);
	task_waiter_wait(&go, 1);

	result[n] = check_thread(n, tid, &alt, on_stack, crc);
	return (void *)(long)(n + 1000);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int bad = 0;

	test_init(argc, argv);
	for (long i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, thread, (void *)i)) {
			pr_err("pthread_create");
			return 1;
		}
		task_waiter_wait(&ready[i], 1);
	}

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	for (int i = 0; i < THREADS; i++) {
		void *ret = NULL;

		if (pthread_join(threads[i], &ret) || (long)ret != i + 1000) {
			fail("thread %d cannot be joined", i);
			return 1;
		}
		bad += result[i];
	}
	if (bad)
		return 1;
	pass();
	return 0;
}
