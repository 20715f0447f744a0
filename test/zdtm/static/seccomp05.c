// SPDX-License-Identifier: GPL-2.0-only
/* A filter that was set for all threads at once, and that is logged: SECCOMP_FILTER_FLAG_TSYNC, _LOG. */
#include "zdtmtst.h"

#include "seccomp.h"

#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 3

static struct task_waiter after;

static void *worker(void *unused)
{
	(void)unused;
	task_waiter_wait(&after, 1);
	if (syscall(SYS_getppid) != -1 || errno != EDOM)
		return "the filter is gone";
	return seccomp_filters_of(syscall(SYS_gettid)) == 1 ? NULL : "the number of filters";
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	test_init(argc, argv);
	task_waiter_init(&after);
	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, worker, NULL)) {
			pr_err("no thread");
			return 1;
		}
	}
	if (filter_call_with(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG, SYS_getppid,
			     SECCOMP_RET_ERRNO | EDOM)) {
		pr_perror("no filter");
		return 1;
	}

	test_daemon();
	test_waitsig();

	task_waiter_complete(&after, 1);
	join_filtered(threads, THREADS);
	if (syscall(SYS_getppid) != -1 || errno != EDOM)
		fail("the filter of the main thread is gone");
	pass();
	return 0;
}
