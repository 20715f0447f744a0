// SPDX-License-Identifier: GPL-2.0-only
/* The processors that threads may run on: the first only, the last only, all. */
#include "zdtmtst.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static struct task_waiter ready, go;
static cpu_set_t all, first, last, seen[3];

static int set_one(cpu_set_t *set, int from, int step)
{
	CPU_ZERO(set);
	for (int cpu = from; cpu >= 0 && cpu < CPU_SETSIZE; cpu += step)
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, set);
			return 0;
		}
	return -1;
}

static void *thread(void *arg)
{
	cpu_set_t *mine = arg;

	if (mine != &all && sched_setaffinity(0, sizeof(*mine), mine))
		fail_errno("sched_setaffinity");
	task_waiter_complete(&ready, ready.stage + 1);
	task_waiter_wait(&go, 1);
	sched_getaffinity(0, sizeof(all), mine == &last ? &seen[1] : &seen[2]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	test_init(argc, argv);
	if (sched_getaffinity(0, sizeof(all), &all)) {
		pr_perror("sched_getaffinity");
		return 1;
	}
	if (CPU_COUNT(&all) < 2)
		skip("there is one processor only");
	set_one(&first, 0, 1);
	set_one(&last, CPU_SETSIZE - 1, -1);
	if (pthread_create(&a, NULL, thread, &last)) {
		pr_perror("pthread_create");
		return 1;
	}
	task_waiter_wait(&ready, 1);
	if (pthread_create(&b, NULL, thread, &all)) {
		pr_perror("pthread_create");
		return 1;
	}
	task_waiter_wait(&ready, 2);
	if (sched_setaffinity(0, sizeof(first), &first)) {
		pr_perror("sched_setaffinity");
		return 1;
	}

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	sched_getaffinity(0, sizeof(all), &seen[0]);
	if (!CPU_EQUAL(&seen[0], &first))
		fail("the first thread may run on %d processors", CPU_COUNT(&seen[0]));
	else if (!CPU_EQUAL(&seen[1], &last))
		fail("the second thread may run on %d processors", CPU_COUNT(&seen[1]));
	else if (!CPU_EQUAL(&seen[2], &all))
		fail("the third thread may run on %d processors", CPU_COUNT(&seen[2]));
	else
		pass();
	return 0;
}
