// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipes that are only under way in a socket, and have owners (F_SETOWN_EX, F_SETSIG, O_ASYNC): the process, where
 * somebody of another effective user has set it, and a thread.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rights.h"

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17
#endif
#define SETTER 1000

static struct task_waiter ready, go;
static pid_t thread_tid;

static void *thread(void *arg)
{
	(void)arg;
	thread_tid = syscall(SYS_gettid);
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
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
		pr_perror("fcntl");
		return 0;
	}
	if (owner.type == type && owner.pid == pid && fcntl(fd, F_GETSIG) == sig && ids[0] == 0 && ids[1] == euid &&
	    fcntl(fd, F_GETFL) & O_ASYNC)
		return 1;
	pr_err("%d of type %d, signal %d, set by %d, %d\n", owner.pid, owner.type, fcntl(fd, F_GETSIG), (int)ids[0],
	       (int)ids[1]);
	return 0;
}

int main(int argc, char **argv)
{
	int p[2], q[2], ends[2], sent[2], got[2];
	siginfo_t info;
	sigset_t set;
	pthread_t t;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(p) || pipe(q) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	task_waiter_wait(&ready, 1);
	sent[0] = p[0];
	sent[1] = q[0];
	if (own(p[0], F_OWNER_TID, thread_tid, SIGUSR1) || setresuid(-1, SETTER, -1) ||
	    own(q[0], F_OWNER_PID, getpid(), SIGUSR2) || setresuid(-1, 0, -1) || prctl(PR_SET_DUMPABLE, 1) ||
	    send_fds(ends[0], sent, 2) || close(p[0]) || close(q[0])) {
		pr_perror("cannot set the owners");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (write(q[1], "x", 1) != 1 || take_signal(SIGUSR2, &info))
		fail_errno("no signal comes of what is under way");
	else if (receive_fds(ends[1], got, 2, NULL))
		fail_errno("the pipes are lost");
	else if (!is_owned(got[0], F_OWNER_TID, thread_tid, SIGUSR1, 0) ||
		 !is_owned(got[1], F_OWNER_PID, getpid(), SIGUSR2, SETTER))
		fail("an owner is lost");
	else
		pass();
	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	return 0;
}
