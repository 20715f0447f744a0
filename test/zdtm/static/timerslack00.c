// SPDX-License-Identifier: GPL-2.0-only
/* The timer slack of two threads, each its own. */
#include "zdtmtst.h"

#include <pthread.h>
#include <sys/prctl.h>

static struct task_waiter ready, go;
static int thread_slack;

static void *thread(void *arg)
{
	(void)arg;
	prctl(PR_SET_TIMERSLACK, 765432);
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
	thread_slack = prctl(PR_GET_TIMERSLACK);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;
	int slack;

	test_init(argc, argv);
	if (prctl(PR_SET_TIMERSLACK, 123456) || pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	task_waiter_wait(&ready, 1);

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	slack = prctl(PR_GET_TIMERSLACK);
	if (slack != 123456)
		fail("the main thread's slack is %d ns", slack);
	else if (thread_slack != 765432)
		fail("the thread's slack is %d ns", thread_slack);
	else
		pass();
	return 0;
}
