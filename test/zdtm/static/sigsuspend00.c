// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread inside sigsuspend(): it waits on with the temporary mask, and has its own mask back
 * afterwards.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct task_waiter runs;
static volatile int handled;
static bool mask_ok;
static pid_t tid;

static void handler(int sig)
{
	(void)sig;
	handled++;
}

static void *thread(void *arg)
{
	sigset_t own, wait_for, now;

	(void)arg;
	sigfillset(&own);
	pthread_sigmask(SIG_SETMASK, &own, NULL);
	sigfillset(&wait_for);
	sigdelset(&wait_for, SIGUSR2);
	tid = gettid();
	task_waiter_complete(&runs, 1);
	while (!handled)
		sigsuspend(&wait_for);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	mask_ok = sigismember(&now, SIGUSR2) && sigismember(&now, SIGHUP);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;

	test_init(argc, argv);
	signal(SIGUSR2, handler);
	if (pthread_create(&t, NULL, thread, NULL)) {
		pr_err("pthread_create");
		return 1;
	}
	task_waiter_wait(&runs, 1);
	while (!thread_waits(tid, SYS_rt_sigsuspend))
		sched_yield();

	test_daemon();
	test_waitsig();

	if (handled) {
		fail("the handler ran and nobody sent a signal");
		return 1;
	}
	pthread_kill(t, SIGUSR2);
	pthread_join(t, NULL);
	if (handled != 1)
		fail("the handler ran %d times", handled);
	else if (!mask_ok)
		fail("the thread's own mask did not come back");
	else
		pass();
	return 0;
}
