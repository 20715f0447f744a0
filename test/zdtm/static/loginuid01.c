// SPDX-License-Identifier: GPL-2.0-only
/* A thread with an audit user that its process has not. */
/* zdtm: expect=not-yet:"has an audit user (loginuid) of its own" */
#include "zdtmtst.h"

#include <pthread.h>
#include <unistd.h>

#define LOGINUID "/proc/thread-self/loginuid"

static struct task_waiter ready, go;
static int set_failed;
static char seen[32];

static void *thread(void *arg)
{
	set_failed = write_file(LOGINUID, "4321");
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
	read_file(LOGINUID, seen, sizeof(seen));
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;

	test_init(argc, argv);
	if (access(LOGINUID, F_OK))
		skip("this kernel has no audit (CONFIG_AUDIT)");
	if (pthread_create(&t, NULL, thread, NULL)) {
		pr_err("pthread_create");
		return 1;
	}
	task_waiter_wait(&ready, 1);
	if (set_failed)
		skip("the audit user cannot be changed");

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	if (strcmp(seen, "4321"))
		fail("the thread's audit user is %s", seen);
	else
		pass();
	return 0;
}
