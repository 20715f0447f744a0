// SPDX-License-Identifier: GPL-2.0-only
/* Fifty threads compute on one processor: each comes to its stop when it is its turn there. */
#include "zdtmtst.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS 50

static uint64_t counts[THREADS];
static struct task_waiter go;
static uint32_t ends;

static void *count(void *arg)
{
	uint64_t *mine = arg;

	task_waiter_wait(&go, 1);
	while (!__atomic_load_n(&ends, __ATOMIC_ACQUIRE))
		__atomic_store_n(mine, *mine + 1, __ATOMIC_RELAXED);
	return NULL;
}

static int all_count(void)
{
	uint64_t before[THREADS];

	for (int i = 0; i < THREADS; i++)
		before[i] = __atomic_load_n(&counts[i], __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		for (int pauses = 0; __atomic_load_n(&counts[i], __ATOMIC_RELAXED) == before[i]; pauses++) {
			if (pauses == 60000) {
				fail("thread %d does not go on", i);
				return 1;
			}
			usleep(1000);
		}
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	pthread_attr_t attr;
	cpu_set_t one;
	int cpu;

	test_init(argc, argv);
	/* Whoever else wants that processor comes first. */
	if (setpriority(PRIO_PROCESS, 0, 19)) {
		pr_perror("setpriority");
		return 1;
	}
	cpu = sched_getcpu();
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	for (int i = 0; i < THREADS; i++) {
		if (cpu < 0 || pthread_create(&threads[i], &attr, count, &counts[i])) {
			pr_err("pthread_create on processor %d", cpu);
			return 1;
		}
	}
	task_waiter_complete(&go, 1);
	if (all_count())
		return 1;

	test_daemon();
	test_waitsig();

	if (all_count())
		return 1;
	__atomic_store_n(&ends, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pass();
	return 0;
}
