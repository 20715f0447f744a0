// SPDX-License-Identifier: GPL-2.0-only
/* A process whose main thread has ended and whose other thread goes on. */
/* zdtm: expect=not-yet:"the main thread of task" */
#include "zdtmtst.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *go_on(void *arg)
{
	char state[2] = "";

	/* Until the main thread is dead: "... S" or "... Z" of its stat. */
	while (state[0] != 'Z') {
		FILE *stat = fopen("/proc/self/stat", "re");

		if (!stat || fscanf(stat, "%*d (%*[^)]) %1s", state) != 1)
			_exit(1);
		fclose(stat);
	}
	child_ready();
	test_waitsig();
	_exit(0);
	return arg;
}

static int leave(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, go_on, arg))
		return 1;
	pthread_exit(NULL);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	test_init(argc, argv);
	pid = start_child(leave, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	status = finish_child(pid);
	if (status)
		fail("the child ended with %d", status);
	else
		pass();
	return 0;
}
