// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors of threads (PIDFD_THREAD, Linux 6.9): of one's own and of the child's, in two processes and under two
 * numbers. A signal by such a one goes to that thread, and its end shows.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
	pid_t tid; /* of the child's thread */
	pid_t hits[2]; /* the threads of the parent and of the child that a signal came to */
};

static struct shared *shared;
static pid_t *hit;
static pid_t own_tid;

static void on_signal(int signal)
{
	(void)signal;
	__atomic_store_n(hit, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
}

/* Until SIGUSR1. */
static void *thread(void *tid)
{
	sigset_t all, none;

	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	sigfillset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	__atomic_store_n((pid_t *)tid, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	sigsuspend(&all);
	return NULL;
}

static int start(pthread_t *t, pid_t *tid)
{
	if (pthread_create(t, NULL, thread, tid))
		return -1;
	while (!__atomic_load_n(tid, __ATOMIC_SEQ_CST))
		usleep(1000);
	return 0;
}

/* The thread is there, gets a signal, and ends of it. */
static int ends_of_signal(int fd, pid_t tid, const pid_t *hit_of_it)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, 0) != 0 || syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0))
		return 0;
	return poll(&p, 1, 20000) == 1 && __atomic_load_n(hit_of_it, __ATOMIC_SEQ_CST) == tid;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	int own, again, of_child, status;
	pthread_t t;
	pid_t child;

	test_init(argc, argv);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	hit = &shared->hits[0];
	if (shared == MAP_FAILED || sigaction(SIGUSR1, &action, NULL) || start(&t, &own_tid)) {
		pr_perror("cannot set up");
		return 1;
	}
	own = (int)syscall(SYS_pidfd_open, own_tid, O_EXCL | O_NONBLOCK);
	if (own < 0)
		skip("this kernel has no descriptors of threads");
	again = dup(own);
	child = fork();
	if (child < 0) {
		pr_perror("cannot fork");
		return 1;
	}
	if (child == 0) {
		hit = &shared->hits[1];
		if (start(&t, &shared->tid))
			_exit(1);
		test_waitsig();
		/* The child has the parent's as well. */
		if (!ends_of_signal(own, own_tid, &shared->hits[0]))
			_exit(1);
		pthread_join(t, NULL);
		_exit(0);
	}
	while (!__atomic_load_n(&shared->tid, __ATOMIC_SEQ_CST)) {
		if (waitpid(child, &status, WNOHANG) != 0) {
			pr_err("the child has ended\n");
			return 1;
		}
		usleep(1000);
	}
	of_child = (int)syscall(SYS_pidfd_open, shared->tid, O_EXCL);
	if (again < 0 || of_child < 0) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fcntl(own, F_GETFD) != FD_CLOEXEC || fcntl(again, F_GETFD) != 0)
		fail("they are closed, or not, at exec");
	else if ((fcntl(again, F_GETFL) & (O_EXCL | O_NONBLOCK)) != (O_EXCL | O_NONBLOCK) ||
		 (fcntl(of_child, F_GETFL) & (O_EXCL | O_NONBLOCK)) != O_EXCL)
		fail("the flags are %#x and %#x", fcntl(again, F_GETFL), fcntl(of_child, F_GETFL));
	else if (kill(child, SIGTERM) || pthread_join(t, NULL))
		fail_errno("the child cannot be told");
	else if (!ends_of_signal(of_child, shared->tid, &shared->hits[1]))
		fail("the child's thread does not get a signal and end");
	else if (waitpid(child, &status, 0) != child || status != 0)
		fail("the child did not see the end of the parent's thread");
	else if (poll(&(struct pollfd){ .fd = again, .events = POLLIN }, 1, 0) != 1)
		fail("the end of the thread does not show");
	else
		pass();
	return 0;
}
