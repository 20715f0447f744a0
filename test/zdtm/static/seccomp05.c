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

static const char *wrong_filter(void)
{
	if (syscall(SYS_getppid) != -1 || errno != EDOM)
		return "the filter is gone";
	return seccomp_filters_of(syscall(SYS_gettid)) == 1 ? NULL : "the number of filters";
}

static void *worker(void *unused)
{
	(void)unused;
	task_waiter_wait(&after, 1);
	return (void *)wrong_filter();
}

static int filtered(void *unused)
{
	pthread_t threads[THREADS];
	const char *wrong;

	(void)unused;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, NULL))
			return 1;
	if (filter_call_with(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG, SYS_getppid,
			     SECCOMP_RET_ERRNO | EDOM))
		return 1;
	child_ready();
	test_waitsig();
	task_waiter_complete(&after, 1);
	join_filtered(threads, THREADS);
	wrong = wrong_filter();
	if (wrong)
		fail("the main thread: %s", wrong);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;
	int flags;

	test_init(argc, argv);
	task_waiter_init(&after);
	pid = start_child(filtered, NULL);
	if (pid < 0 || seccomp_flags_of(pid) != SECCOMP_FILTER_FLAG_LOG) {
		pr_perror("no filtered child");
		return 1;
	}

	test_daemon();
	test_waitsig();

	flags = seccomp_flags_of(pid);
	if (flags != SECCOMP_FILTER_FLAG_LOG)
		fail("the flags of the filter are %d", flags);
	if (finish_child(pid))
		fail("the filtered child failed");
	pass();
	return 0;
}
