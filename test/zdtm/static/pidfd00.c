// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors of processes: of the task itself, of a living child, of a zombie, of one that was reaped; one that parent and
 * child have in common; one in an epoll set.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int common;

static int pidfd_open(pid_t pid, unsigned int flags)
{
	return syscall(SYS_pidfd_open, pid, flags);
}

static int child(void *arg)
{
	struct pollfd p = { .fd = common, .events = POLLIN };

	(void)arg;
	child_ready();
	test_waitsig();
	/* That of the parent, which lives. */
	return poll(&p, 1, 0) != 0 || fcntl(common, F_GETFL) & O_NONBLOCK;
}

static int has_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* -1 for one that was reaped. */
static int pid_of(int fd)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return proc_field(path, "Pid", text, sizeof(text)) ? 0 : atoi(text);
}

static pid_t end_at_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	return pid;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 11 };
	siginfo_t info;
	pid_t pid, dead, gone;
	int alive, zombie, reaped, set;

	test_init(argc, argv);
	common = pidfd_open(getpid(), 0);
	if (common < 0)
		skip("this kernel has no pidfd_open");
	pid = start_child(child, NULL);
	dead = end_at_once();
	gone = end_at_once();
	if (pid < 0 || dead < 0 || gone < 0) {
		pr_perror("fork");
		return 1;
	}
	alive = pidfd_open(pid, O_NONBLOCK);
	zombie = pidfd_open(dead, 0);
	reaped = pidfd_open(gone, 0);
	set = epoll_create1(0);
	if (alive < 0 || zombie < 0 || reaped < 0 || set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, alive, &event) ||
	    waitid(P_PID, dead, &info, WEXITED | WNOWAIT) || waitpid(gone, NULL, 0) != gone) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (pid_of(common) != getpid() || pid_of(alive) != pid || pid_of(zombie) != dead || pid_of(reaped) != -1)
		fail("they are of %d, %d, %d and %d", pid_of(common), pid_of(alive), pid_of(zombie), pid_of(reaped));
	else if (has_ended(common) || has_ended(alive) || !has_ended(zombie) || !has_ended(reaped))
		fail("who has ended and who has not is not as it was");
	else if (!(fcntl(alive, F_GETFL) & O_NONBLOCK) || fcntl(zombie, F_GETFL) & O_NONBLOCK)
		fail("the flags are lost");
	else if (syscall(SYS_pidfd_send_signal, reaped, 0, NULL, 0) != -1 || errno != ESRCH)
		fail("who was reaped can be sent a signal");
	else if (epoll_wait(set, &event, 1, 0) != 0)
		fail("the set tells of a child that lives");
	else if (syscall(SYS_pidfd_send_signal, alive, SIGTERM, NULL, 0))
		fail_errno("cannot send a signal");
	else if (epoll_wait(set, &event, 1, 20000) != 1 || event.data.u64 != 11)
		fail("the set does not tell of the end of the child");
	else if (reap_child(pid))
		fail("the child has not what it had in common with the parent");
	else if (waitid(P_PIDFD, zombie, &info, WEXITED) || info.si_status != 7)
		fail_errno("cannot reap the zombie by its descriptor");
	else
		pass();
	return 0;
}
