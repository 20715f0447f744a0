// SPDX-License-Identifier: GPL-2.0-only
/* A thread that waits for the signal while the test spins in user code. */
#include "zdtmtst.h"

#include <pthread.h>
#include <stdlib.h>

struct watcher {
	pthread_t thread;
	struct task_waiter running;
	volatile uint32_t *stop;
};

static struct watcher watcher;

static void *watch(void *arg)
{
	(void)arg;
	task_waiter_complete(&watcher.running, 1);
	test_waitsig();
	*watcher.stop = 1;
	return NULL;
}

int start_watcher(volatile uint32_t *stop)
{
	int err;

	watcher.stop = stop;
	task_waiter_init(&watcher.running);
	err = pthread_create(&watcher.thread, NULL, watch, NULL);
	if (err) {
		errno = err;
		pr_perror("pthread_create");
		return -1;
	}
	/* A thread is born with all signals blocked: it counts as started when it runs its own code. */
	task_waiter_wait(&watcher.running, 1);
	return 0;
}

void join_watcher(void)
{
	pthread_join(watcher.thread, NULL);
}
