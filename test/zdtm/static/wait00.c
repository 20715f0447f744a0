// SPDX-License-Identifier: GPL-2.0-only
/* A parent blocked in waitpid() when the dump comes gets its child's end, and SIGCHLD. */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct task_waiter runs;
static volatile int chld_pid;
static int status, result;

static void on_chld(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	chld_pid = info->si_pid;
}

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 57;
}

static void *waiter(void *arg)
{
	pid_t pid = *(pid_t *)arg;

	task_waiter_complete(&runs, 1);
	do {
		result = waitpid(pid, &status, 0);
	} while (result < 0 && errno == EINTR);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART };
	pthread_t thread;
	pid_t pid;

	test_init(argc, argv);
	pid = start_child(child, NULL);
	if (pid < 0 || sigaction(SIGCHLD, &act, NULL) ||
	    pthread_create(&thread, NULL, waiter, &pid)) {
		pr_perror("cannot set up");
		return 1;
	}
	task_waiter_wait(&runs, 1);

	test_daemon();
	test_waitsig();

	if (chld_pid) {
		fail("SIGCHLD came from %d while nobody ended", chld_pid);
		return 1;
	}
	if (kill(pid, SIGTERM)) {
		fail_errno("the child is gone");
		return 1;
	}
	pthread_join(thread, NULL);
	if (result != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 57)
		fail("waitpid() gave %d, status %#x", result, status);
	else if (chld_pid != pid)
		fail("SIGCHLD named %d", chld_pid);
	else
		pass();
	return 0;
}
