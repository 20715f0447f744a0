// SPDX-License-Identifier: GPL-2.0-only
/* The names of the process and of a thread, with characters that break careless parsers. */
#include "zdtmtst.h"

#include <pthread.h>
#include <sys/prctl.h>

static struct task_waiter ready, go;
static bool thread_ok;

static void *thread(void *arg)
{
	char name[16] = "";

	(void)arg;
	prctl(PR_SET_NAME, "b) S 1 (\n");
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
	prctl(PR_GET_NAME, name);
	thread_ok = !strcmp(name, "b) S 1 (\n");
	return NULL;
}

int main(int argc, char **argv)
{
	char name[16] = "";
	pthread_t t;

	test_init(argc, argv);
	if (prctl(PR_SET_NAME, "a ) R (x") || pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	task_waiter_wait(&ready, 1);

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	prctl(PR_GET_NAME, name);
	if (strcmp(name, "a ) R (x"))
		fail("the process is called %s", name);
	else if (!thread_ok)
		fail("the thread has another name");
	else
		pass();
	return 0;
}
