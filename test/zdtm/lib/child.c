// SPDX-License-Identifier: GPL-2.0-only
/* Children of a test, and steps between tasks. */
#include "zdtmtst.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The write end in a child that has not called child_ready() yet. */
static int ready_fd = -1;

pid_t start_child(int (*body)(void *arg), void *arg)
{
	int pipefd[2];
	bool ready = false;
	char byte;
	ssize_t n;
	pid_t pid;

	if (pipe(pipefd)) {
		pr_perror("pipe");
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		close(pipefd[0]);
		/* The parent may be a child itself and not ready yet: its end is not ours. */
		if (ready_fd >= 0)
			close(ready_fd);
		ready_fd = pipefd[1];
		_exit(body(arg));
	}
	close(pipefd[1]);
	if (pid < 0) {
		pr_perror("fork");
		close(pipefd[0]);
		return -1;
	}
	/* One byte, then the end of file: only then has the child let go of the pipe. */
	while ((n = read(pipefd[0], &byte, 1)) != 0) {
		if (n > 0)
			ready = true;
		else if (errno != EINTR)
			break;
	}
	close(pipefd[0]);
	if (!ready) {
		pr_err("child %d ended before it was ready", pid);
		reap_child(pid);
		return -1;
	}
	return pid;
}

void child_ready(void)
{
	wait_for_beginners();
	if (ready_fd < 0 || write(ready_fd, "+", 1) != 1)
		_exit(111);
	close(ready_fd);
	ready_fd = -1;
}

int reap_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int finish_child(pid_t pid)
{
	if (kill(pid, SIGTERM))
		return -1;
	return reap_child(pid);
}

void task_waiter_init(struct task_waiter *w)
{
	__atomic_store_n(&w->stage, 0, __ATOMIC_SEQ_CST);
}

void task_waiter_complete(struct task_waiter *w, uint32_t stage)
{
	__atomic_store_n(&w->stage, stage, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &w->stage, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void task_waiter_wait(struct task_waiter *w, uint32_t stage)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&w->stage, __ATOMIC_SEQ_CST)) < stage)
		syscall(SYS_futex, &w->stage, FUTEX_WAIT, seen, NULL, NULL, 0);
}
