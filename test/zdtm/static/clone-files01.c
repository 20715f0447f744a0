// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of descriptors that three processes share, one of them the child of another, with a file, an epoll set, a lock
 * and a thread, beside a fourth process that has a copy of it.
 */
/* zdtm: opts=--file-locks */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_OPTION(filename, "the file that is locked");

#define STACK 65536

/* In memory that all have. */
struct shared {
	int ready; /* processes and the thread */
	pid_t grandchild, copy;
};

static struct shared *shared;
static int set, event, file;

static void count_in(void)
{
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
}

/* f ends the process by _exit(): what it returned would end its first thread only. */
static pid_t share_table(int (*f)(void *))
{
	char *stack = malloc(STACK);

	return stack ? clone(f, stack + STACK, CLONE_FILES | SIGCHLD, NULL) : -1;
}

static void *sleep_on(void *arg)
{
	sigset_t all;

	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	count_in();
	for (;;)
		pause();
	return NULL;
}

/* The parent's number is there, and nothing is at this one's own yet; then that is. */
static int grandchild(void *arg)
{
	(void)arg;
	count_in();
	test_waitsig();
	_exit(fcntl(90, F_GETFD) == FD_CLOEXEC && fcntl(91, F_GETFD) < 0 && fcntl(event, F_DUPFD, 91) == 91 ? 0 : 1);
}

static int child(void *arg)
{
	pthread_t t;
	int status;

	(void)arg;
	if (pthread_create(&t, NULL, sleep_on, NULL))
		_exit(1);
	shared->grandchild = share_table(grandchild);
	shared->copy = fork();
	if (shared->grandchild < 0 || shared->copy < 0)
		_exit(2);
	if (shared->copy == 0) {
		count_in();
		test_waitsig();
		/* What the others have opened since is not seen here. */
		_exit(fcntl(event, F_GETFD) >= 0 && fcntl(90, F_GETFD) < 0 ? 0 : 1);
	}
	count_in();
	test_waitsig();
	if (kill(shared->grandchild, SIGTERM) || waitpid(shared->grandchild, &status, 0) < 0 || status)
		_exit(3);
	if (kill(shared->copy, SIGTERM) || waitpid(shared->copy, &status, 0) < 0 || status)
		_exit(4);
	_exit(fcntl(91, F_GETFD) == 0 ? 0 : 5);
}

int main(int argc, char **argv)
{
	struct epoll_event wanted = { .events = EPOLLIN, .data.u64 = 42 }, got;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5 };
	pid_t pid, other;
	int status;

	test_init(argc, argv);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = open(filename, O_RDWR | O_CREAT, 0600);
	event = eventfd(0, EFD_NONBLOCK);
	set = epoll_create1(0);
	if (shared == MAP_FAILED || file < 0 || fcntl(file, F_SETLK, &lock) || set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, event, &wanted)) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = share_table(child);
	while (pid > 0 && __atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) < 4 && !waitpid(pid, &status, WNOHANG))
		usleep(1000);
	if (__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) < 4) {
		pr_perror("cannot make the processes");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fcntl(event, F_DUPFD_CLOEXEC, 90) != 90 || eventfd_write(event, 1) || epoll_wait(set, &got, 1, 0) != 1 ||
	    got.data.u64 != 42) {
		fail_errno("the epoll set does not tell of the event");
		return 0;
	}
	/* A lock belongs to the table: to one who has another it is taken. */
	other = fork();
	if (other == 0)
		_exit(fcntl(file, F_SETLK, &lock) == 0);
	if (other < 0 || waitpid(other, &status, 0) != other || status != 0 || fcntl(file, F_SETLK, &lock)) {
		fail("the lock is not the table's");
		return 0;
	}
	status = finish_child(pid);
	if (status)
		fail("the child ended with %d", status);
	else if (fcntl(91, F_GETFD) != 0)
		fail("the grandchild's descriptor is not there");
	else
		pass();
	return 0;
}
