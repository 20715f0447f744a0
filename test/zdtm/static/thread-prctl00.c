// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of one thread: faults at the time stamp counter (PR_SET_TSC), and what the kernel does
 * with it when its memory breaks (PR_MCE_KILL). The other thread keeps the defaults.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <sys/prctl.h>

static struct task_waiter ready, go;
static int failed, tsc = -1, mce = -1;

/* Makes no call that could want to know the time. */
static void *thread(void *arg)
{
	(void)arg;
	failed = prctl(PR_SET_TSC, PR_TSC_SIGSEGV) ||
		 prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
	prctl(PR_GET_TSC, &tsc);
	mce = prctl(PR_MCE_KILL_GET, 0, 0, 0, 0);
	return NULL;
}

int main(int argc, char **argv)
{
	int own_tsc = -1;
	pthread_t t;

	test_init(argc, argv);
	if (pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("pthread_create");
		return 1;
	}
	task_waiter_wait(&ready, 1);
	if (failed) {
		pr_err("prctl");
		return 1;
	}

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	prctl(PR_GET_TSC, &own_tsc);
	if (tsc != PR_TSC_SIGSEGV || own_tsc != PR_TSC_ENABLE)
		fail("PR_GET_TSC gives %d in the thread, %d in the first", tsc, own_tsc);
	else if (mce != PR_MCE_KILL_EARLY ||
		 prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) != PR_MCE_KILL_DEFAULT)
		fail("PR_MCE_KILL_GET gives %d in the thread, %d in the first", mce,
		     prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	else
		pass();
	return 0;
}
