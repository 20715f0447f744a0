// SPDX-License-Identifier: GPL-2.0-only
/* Threads with filters of their own, and one without any. */
#include "zdtmtst.h"

#include "seccomp.h"

#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 3

static struct task_waiter before, after;
static int tids[THREADS];

static void *filtered(void *arg)
{
	long number = (long)arg;

	for (int i = 0; i <= number; i++)
		if (filter_call(SYS_getppid, SECCOMP_RET_ERRNO | (EDOM + i)))
			return "seccomp";
	tids[number] = syscall(SYS_gettid);
	task_waiter_complete(&before, number + 1);
	task_waiter_wait(&after, 1);
	/* Of answers of one kind, that of the filter which was set last counts: seccomp(2). */
	if (syscall(SYS_getppid) != -1 || errno != EDOM + number)
		return "the filter is another";
	return seccomp_filters_of(syscall(SYS_gettid)) == number + 1 ? NULL : "the number of filters";
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	test_init(argc, argv);
	task_waiter_init(&before);
	task_waiter_init(&after);
	for (long i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, filtered, (void *)i)) {
			pr_err("no thread");
			return 1;
		}
		task_waiter_wait(&before, i + 1);
	}

	test_daemon();
	test_waitsig();

	task_waiter_complete(&after, 1);
	join_filtered(threads, THREADS);
	if (syscall(SYS_getppid) < 0 || seccomp_mode_of(getpid()))
		fail("the main thread has a filter");
	pass();
	return 0;
}
