// SPDX-License-Identifier: GPL-2.0-only
/* A descriptor of a thread (PIDFD_THREAD, Linux 6.9) other than the first one is refused. */
/* zdtm: expect="not-yet:a pidfd of a thread" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile pid_t tid;

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
	pthread_t t;

	test_init(argc, argv);
	if (pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("pthread_create");
		return 1;
	}
	while (!__atomic_load_n(&tid, __ATOMIC_SEQ_CST))
		usleep(1000);
	if (syscall(SYS_pidfd_open, tid, O_EXCL) < 0)
		skip("this kernel has no descriptors of threads");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
