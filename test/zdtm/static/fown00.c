// SPDX-License-Identifier: GPL-2.0-only
/*
 * The signals of a pipe go to one thread (F_SETOWN_EX, F_SETSIG, O_ASYNC), those of another to the
 * process group; the owner was set by somebody of another effective user.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17
#endif
#define SETTER 1000

static struct task_waiter ready, go;
static int got_signal;
static pid_t thread_tid;

/* Takes the signal itself: that it is this thread's shows by nobody else being able to. */
static void *thread(void *arg)
{
	struct timespec wait = { 10, 0 };
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	thread_tid = syscall(SYS_gettid);
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
	got_signal = sigtimedwait(&set, NULL, &wait);
	return NULL;
}

static int own(int fd, enum __pid_type type, pid_t pid, int sig)
{
	struct f_owner_ex owner = { type, pid };

	return fcntl(fd, F_SETSIG, sig) || fcntl(fd, F_SETOWN_EX, &owner) ||
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
}

static int is_owned(int fd, enum __pid_type type, pid_t pid, int sig, uid_t euid)
{
	struct f_owner_ex owner;
	uid_t ids[2];

	if (fcntl(fd, F_GETOWN_EX, &owner) || fcntl(fd, F_GETOWNER_UIDS, ids)) {
		fail_errno("fcntl");
		return 0;
	}
	if (owner.type != type || owner.pid != pid || fcntl(fd, F_GETSIG) != sig) {
		fail("the owner is %d of type %d, the signal %d", owner.pid, owner.type,
		     fcntl(fd, F_GETSIG));
		return 0;
	}
	if (ids[0] != 0 || ids[1] != euid) {
		fail("the owner was set by user %d, effective %d", (int)ids[0], (int)ids[1]);
		return 0;
	}
	if (!(fcntl(fd, F_GETFL) & O_ASYNC)) {
		fail("O_ASYNC is gone");
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	int p[2], q[2];
	sigset_t set;
	pthread_t t;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(p) || pipe(q) || pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	task_waiter_wait(&ready, 1);
	if (own(p[0], F_OWNER_TID, thread_tid, SIGUSR1) || setresuid(-1, SETTER, -1) ||
	    own(q[0], F_OWNER_PGRP, getpgrp(), SIGUSR2) || setresuid(-1, 0, -1) ||
	    prctl(PR_SET_DUMPABLE, 1)) {
		pr_perror("cannot set the owners");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!is_owned(p[0], F_OWNER_TID, thread_tid, SIGUSR1, 0) ||
	    !is_owned(q[0], F_OWNER_PGRP, getpgrp(), SIGUSR2, SETTER))
		return 1;
	if (write(p[1], "x", 1) != 1) {
		fail_errno("write");
		return 1;
	}
	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	if (got_signal != SIGUSR1)
		fail("the thread got no signal (%d)", got_signal);
	else
		pass();
	return 0;
}
