// SPDX-License-Identifier: GPL-2.0-only
/* The I/O priority (ioprio_set(2)) of two threads, each its own. */
#include "zdtmtst.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WHO_PROCESS 1
#define BEST_EFFORT (2 << 13 | 6)
#define IDLE	    (3 << 13)

static struct task_waiter ready, go;
static int thread_priority;

static int set(int priority)
{
	return syscall(SYS_ioprio_set, WHO_PROCESS, 0, priority);
}

static int get(void)
{
	return syscall(SYS_ioprio_get, WHO_PROCESS, 0);
}

static void *thread(void *arg)
{
	(void)arg;
	if (set(IDLE))
		fail_errno("ioprio_set");
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
	thread_priority = get();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;

	test_init(argc, argv);
	if (pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("pthread_create");
		return 1;
	}
	task_waiter_wait(&ready, 1);
	if (set(BEST_EFFORT)) {
		pr_perror("ioprio_set");
		return 1;
	}

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	if (get() != BEST_EFFORT)
		fail("the priority is %#x", get());
	else if (thread_priority != IDLE)
		fail("the thread's priority is %#x", thread_priority);
	else
		pass();
	return 0;
}
