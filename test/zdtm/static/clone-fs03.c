// SPDX-License-Identifier: GPL-2.0-only
/* Two brothers with one working directory, which their parent has not: refused. */
/* zdtm: expect="not-yet:share their working directory (clone without fork), and the parent of the second one does not" */
#include "zdtmtst.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536] __attribute__((aligned(16)));

static int brother(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

int main(int argc, char **argv)
{
	pid_t first, second;
	int ends[2];

	test_init(argc, argv);
	if (pipe(ends)) {
		pr_perror("pipe");
		return 1;
	}
	first = fork();
	if (first == 0) {
		second = clone(brother, stack + sizeof(stack), CLONE_PARENT | CLONE_FS, NULL);
		if (write(ends[1], &second, sizeof(second)) == sizeof(second))
			brother(NULL);
		_exit(1);
	}
	if (first < 0 || read(ends[0], &second, sizeof(second)) != sizeof(second) || second < 0) {
		pr_perror("cannot make the brothers");
		return 1;
	}
	test_daemon();
	test_waitsig();
	kill(first, SIGKILL);
	kill(second, SIGKILL);
	while (wait(NULL) > 0)
		;
	pass();
	return 0;
}
