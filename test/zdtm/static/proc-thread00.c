// SPDX-License-Identifier: GPL-2.0-only
/* What /proc has of a thread is open: no thread is there when files are opened again. */
/* zdtm: expect="not-yet:what /proc has of a thread" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static struct task_waiter waiter;

static void *open_own(void *arg)
{
	*(int *)arg = open("/proc/thread-self/comm", O_RDONLY);
	task_waiter_complete(&waiter, 1);
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	char buf[32];
	pthread_t thread;
	int fd = -1;

	test_init(argc, argv);
	task_waiter_init(&waiter);
	if (pthread_create(&thread, NULL, open_own, &fd)) {
		pr_err("cannot make a thread");
		return 1;
	}
	task_waiter_wait(&waiter, 1);
	if (fd < 0) {
		pr_perror("cannot open /proc/thread-self/comm");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read(fd, buf, sizeof(buf)) <= 0)
		fail_errno("cannot read the thread's name");
	else
		pass();
	return 0;
}
