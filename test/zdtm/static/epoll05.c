// SPDX-License-Identifier: GPL-2.0-only
/* A thread that waits in an epoll set goes on waiting, and another thread wakes it. */
#include "zdtmtst.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set, pipes[2], told = -2;
static pid_t waiter_tid;

static void *waiter(void *arg)
{
	struct epoll_event event;
	int n;

	(void)arg;
	__atomic_store_n(&waiter_tid, gettid(), __ATOMIC_RELEASE);
	/* To be stopped ends a wait: signal(7). */
	do
		n = epoll_wait(set, &event, 1, -1);
	while (n == -1 && errno == EINTR);
	told = n == 1 && event.data.u32 != 77 ? -3 : n;
	return NULL;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 77 };
	pthread_t thread;

	test_init(argc, argv);
	set = epoll_create1(EPOLL_CLOEXEC);
	if (set < 0 || pipe(pipes) || epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &event) ||
	    pthread_create(&thread, NULL, waiter, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	while (!__atomic_load_n(&waiter_tid, __ATOMIC_ACQUIRE) || !thread_waits(waiter_tid, SYS_epoll_wait))
		usleep(1000);

	test_daemon();
	test_waitsig();

	if (told != -2)
		fail("the thread has returned with %d", told);
	else if (write(pipes[1], "x", 1) != 1 || pthread_join(thread, NULL) || told != 1)
		fail_errno("the thread is told %d", told);
	else
		pass();
	return 0;
}
