// SPDX-License-Identifier: GPL-2.0-only
/*
 * The robust list: a thread that holds a robust mutex ends after the restore, and the next
 * locker is told so (EOWNERDEAD). So does a child that holds one in shared memory.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t of_thread, *of_child;
static struct task_waiter locked, leave;

static void *holder(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&of_thread);
	task_waiter_complete(&locked, 1);
	task_waiter_wait(&leave, 1);
	return NULL;
}

static int child(void *arg)
{
	(void)arg;
	pthread_mutex_lock(of_child);
	child_ready();
	for (;;)
		pause();
	return 0;
}

static int check(const char *what, pthread_mutex_t *mutex)
{
	struct timespec limit;
	int err;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 20;
	err = pthread_mutex_timedlock(mutex, &limit);
	if (err == EOWNERDEAD)
		return 0;
	errno = err;
	fail_errno("%s: locking gives %d", what, err);
	return 1;
}

int main(int argc, char **argv)
{
	pthread_mutexattr_t attr;
	pthread_t thread;
	pid_t pid;

	test_init(argc, argv);
	of_child = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (of_child == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&of_thread, &attr);
	pthread_mutex_init(of_child, &attr);
	pid = start_child(child, NULL);
	if (pid < 0 || pthread_create(&thread, NULL, holder, NULL)) {
		pr_err("cannot set up");
		return 1;
	}
	task_waiter_wait(&locked, 1);

	test_daemon();
	test_waitsig();

	if (pthread_mutex_trylock(&of_thread) != EBUSY || pthread_mutex_trylock(of_child) != EBUSY) {
		fail("a mutex is not locked any more");
		return 1;
	}
	task_waiter_complete(&leave, 1);
	pthread_join(thread, NULL);
	if (kill(pid, SIGKILL) || reap_child(pid) != 128 + SIGKILL) {
		fail("cannot kill the child");
		return 1;
	}
	if (check("the thread's", &of_thread) || check("the child's", of_child))
		return 1;
	pass();
	return 0;
}
