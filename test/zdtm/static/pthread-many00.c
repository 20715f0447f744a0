// SPDX-License-Identifier: GPL-2.0-only
/* A hundred threads, each with a value of its own and at its own place of work. */
#include "zdtmtst.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS 100

static struct task_waiter ready[THREADS], go;
static uint32_t results[THREADS];

static void *thread(void *arg)
{
	uint32_t value = (uint32_t)(long)arg * 2654435761u;

	/* In a register or on the stack, as the compiler likes; but nowhere else. */
	__asm__ volatile("" : "+r"(value));
	task_waiter_complete(&ready[(long)arg], 1);
	task_waiter_wait(&go, 1);
	results[(long)arg] = value;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	pthread_attr_t attr;

	test_init(argc, argv);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (long i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], &attr, thread, (void *)i)) {
			pr_err("pthread_create");
			return 1;
		}
		task_waiter_wait(&ready[i], 1);
	}

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	for (int i = 0; i < THREADS; i++) {
		if (pthread_join(threads[i], NULL) || results[i] != (uint32_t)i * 2654435761u) {
			fail("thread %d gave %#x", i, results[i]);
			return 1;
		}
	}
	pass();
	return 0;
}
