// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads asleep when the dump comes: to an absolute time, and for a duration. Neither wakes early
 * without saying so. (A sleep for a duration may give EINTR: the kernel keeps what it needs to
 * go on in a place that cannot be restored.)
 */
/* zdtm: ignore=threads,stat,status,comm,timerslack_ns,sched */
#include "zdtmtst.h"

#include <pthread.h>
#include <time.h>

#define SLEEP_NS 400000000

static struct timespec deadline;
static struct task_waiter absolute_runs, relative_runs;
static int absolute_result, relative_result;

static bool reached(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

static void *sleep_absolute(void *arg)
{
	(void)arg;
	task_waiter_complete(&absolute_runs, 1);
	absolute_result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
	return reached(&deadline) ? NULL : &deadline;
}

static void *sleep_relative(void *arg)
{
	struct timespec span = { 0, SLEEP_NS };

	(void)arg;
	task_waiter_complete(&relative_runs, 1);
	relative_result = clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
	return reached(&deadline) || relative_result == EINTR ? NULL : &deadline;
}

int main(int argc, char **argv)
{
	void *early_absolute, *early_relative;
	pthread_t absolute, relative;

	test_init(argc, argv);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_nsec += SLEEP_NS;
	deadline.tv_sec += deadline.tv_nsec / 1000000000;
	deadline.tv_nsec %= 1000000000;
	if (create_undisturbed(&absolute, sleep_absolute, NULL) ||
	    create_undisturbed(&relative, sleep_relative, NULL)) {
		pr_err("pthread_create");
		return 1;
	}
	task_waiter_wait(&absolute_runs, 1);
	task_waiter_wait(&relative_runs, 1);

	test_daemon();
	test_waitsig();

	pthread_join(absolute, &early_absolute);
	pthread_join(relative, &early_relative);
	if (early_absolute)
		fail("the sleep to an absolute time ended early with %d", absolute_result);
	else if (absolute_result && absolute_result != EINTR)
		fail("the sleep to an absolute time gave %d", absolute_result);
	else if (early_relative)
		fail("the sleep for a duration ended early with %d", relative_result);
	else
		pass();
	return 0;
}
