// SPDX-License-Identifier: GPL-2.0-only
/* Niceness and scheduling class, each thread its own. */
#include "zdtmtst.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	const char *name;
	int policy, priority, nice;
	bool skipped;
	struct task_waiter ready;
	int result;
} kinds[] = {
	{ .name = "SCHED_OTHER", .policy = SCHED_OTHER, .nice = 7 },
	{ .name = "SCHED_BATCH", .policy = SCHED_BATCH, .nice = 11 },
	{ .name = "SCHED_IDLE", .policy = SCHED_IDLE, .nice = 3 },
	{ .name = "SCHED_FIFO", .policy = SCHED_FIFO, .priority = 5 },
	{ .name = "SCHED_RR", .policy = SCHED_RR, .priority = 9 },
};

static struct task_waiter go;

static int set_up(int i)
{
	struct sched_param param = { .sched_priority = kinds[i].priority };

	if (setpriority(PRIO_PROCESS, 0, kinds[i].nice))
		return -1;
	if (!sched_setscheduler(0, kinds[i].policy, &param))
		return 0;
	/* Real time may be out of reach: a group without a share of it. */
	kinds[i].skipped = kinds[i].priority && errno == EPERM;
	return kinds[i].skipped ? 0 : -1;
}

static int check(int i)
{
	struct sched_param param;
	int policy = sched_getscheduler(0);

	sched_getparam(0, &param);
	if (!kinds[i].skipped &&
	    (policy != kinds[i].policy || param.sched_priority != kinds[i].priority)) {
		fail("%s: policy %#x priority %d", kinds[i].name, policy, param.sched_priority);
		return 1;
	}
	if (getpriority(PRIO_PROCESS, 0) != kinds[i].nice) {
		fail("%s: nice %d, was %d", kinds[i].name, getpriority(PRIO_PROCESS, 0),
		     kinds[i].nice);
		return 1;
	}
	return 0;
}

static void *thread(void *arg)
{
	int i = (long)arg;

	kinds[i].result = set_up(i);
	task_waiter_complete(&kinds[i].ready, 1);
	if (kinds[i].result)
		return NULL;
	task_waiter_wait(&go, 1);
	kinds[i].result = check(i);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[array_size(kinds)];

	test_init(argc, argv);
	for (unsigned long i = 0; i < array_size(kinds); i++) {
		if (pthread_create(&threads[i], NULL, thread, (void *)i)) {
			pr_err("pthread_create");
			return 1;
		}
		task_waiter_wait(&kinds[i].ready, 1);
		if (kinds[i].result) {
			pr_err("%s: cannot set up", kinds[i].name);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	for (unsigned int i = 0; i < array_size(kinds); i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < array_size(kinds); i++) {
		if (kinds[i].result)
			return 1;
	}
	pass();
	return 0;
}
