// SPDX-License-Identifier: GPL-2.0-only
/* An epoll set that watches a descriptor of a thread (PIDFD_THREAD, Linux 6.9) is refused. */
/* zdtm: expect="not-yet:it watches a pidfd of a thread" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t tid;

static void *thread(void *arg)
{
	(void)arg;
	__atomic_store_n(&tid, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd, set;
	pthread_t t;

	test_init(argc, argv);
	if (pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("pthread_create");
		return 1;
	}
	while (!__atomic_load_n(&tid, __ATOMIC_SEQ_CST))
		usleep(1000);
	fd = (int)syscall(SYS_pidfd_open, tid, O_EXCL);
	if (fd < 0)
		skip("this kernel has no descriptors of threads");
	set = epoll_create1(0);
	if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event)) {
		pr_perror("cannot set up");
		return 1;
	}
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
