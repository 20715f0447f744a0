// SPDX-License-Identifier: GPL-2.0-only
/* Two processes with one table of descriptors: what one opens the other sees. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536] __attribute__((aligned(16)));
static int pipefd[2];

static int child(void *arg)
{
	(void)arg;
	if (write(pipefd[1], "+", 1) != 1)
		return 1;
	test_waitsig();
	/* The table is shared: the number is taken for the parent as well. */
	return dup2(STDIN_FILENO, 77) == 77 && fcntl(78, F_GETFD) >= 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;
	char c;

	test_init(argc, argv);
	if (pipe(pipefd)) {
		pr_perror("pipe");
		return 1;
	}
	pid = clone(child, stack + sizeof(stack), CLONE_FILES | SIGCHLD, NULL);
	if (pid < 0 || read(pipefd[0], &c, 1) != 1) {
		pr_perror("clone");
		return 1;
	}
	close(pipefd[0]);
	close(pipefd[1]);

	test_daemon();
	test_waitsig();

	if (dup2(STDIN_FILENO, 78) != 78) {
		fail_errno("dup2");
		return 1;
	}
	status = finish_child(pid);
	if (status)
		fail("the child ended with %d: it does not see the parent's descriptor", status);
	else if (fcntl(77, F_GETFD) < 0)
		fail("the parent does not see the child's descriptor");
	else
		pass();
	return 0;
}
