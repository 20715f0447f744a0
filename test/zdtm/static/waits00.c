// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits of threads that go on for what is left of them: sleep(3), poll() without a limit, and a futex
 * with an absolute one. None gives EINTR.
 */
#include "zdtmtst.h"

#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LONG_SECONDS 36000
#define NR 3

static const long calls[NR] = { SYS_clock_nanosleep, SYS_poll, SYS_futex };
static struct timespec left = { LONG_SECONDS, 0 }, until;
static int poll_pipe[2];
static uint32_t word;
static volatile pid_t tids[NR];
static volatile bool returned[NR];

static void *sleeper(void *arg)
{
	tids[0] = gettid();
	syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &left, &left);
	returned[0] = true;
	return arg;
}

static void *poller(void *arg)
{
	struct pollfd fd = { .fd = poll_pipe[0], .events = POLLIN };

	tids[1] = gettid();
	syscall(SYS_poll, &fd, 1, -1);
	returned[1] = true;
	return arg;
}

static void *futex_waiter(void *arg)
{
	tids[2] = gettid();
	syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &until, NULL, FUTEX_BITSET_MATCH_ANY);
	returned[2] = true;
	return arg;
}

/* Waits until the thread either sleeps in its call or has come back from it. */
static bool waits(int i)
{
	while (!thread_waits(tids[i], calls[i])) {
		if (returned[i])
			return false;
		sched_yield();
	}
	return true;
}

int main(int argc, char **argv)
{
	void *(*bodies[NR])(void *) = { sleeper, poller, futex_waiter };
	pthread_t threads[NR];
	int i;

	test_init(argc, argv);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LONG_SECONDS;
	if (pipe(poll_pipe)) {
		pr_perror("pipe");
		return 1;
	}
	for (i = 0; i < NR; i++) {
		if (create_undisturbed(&threads[i], bodies[i], NULL)) {
			pr_err("pthread_create");
			return 1;
		}
		while (!tids[i])
			sched_yield();
		if (!waits(i)) {
			pr_err("wait %d does not begin", i);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < NR; i++)
		if (!waits(i)) {
			fail("wait %d (system call %ld) has ended", i, calls[i]);
			return 1;
		}
	if (left.tv_sec >= LONG_SECONDS || left.tv_sec < LONG_SECONDS / 2)
		fail("%ld s are left of the sleep", (long)left.tv_sec);
	else
		pass();
	return 0;
}
