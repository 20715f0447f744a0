// SPDX-License-Identifier: GPL-2.0-only
/* Forty children that all live at once, and a chain of twelve generations. */
#include "zdtmtst.h"

#include <unistd.h>

#define CHILDREN    40
#define GENERATIONS 12

static int idle(void *arg)
{
	int number = *(int *)arg;

	child_ready();
	test_waitsig();
	return number + 1;
}

/* Each generation adds one to what the ones below it give. */
static int chain(void *arg)
{
	int left = *(int *)arg, below = 0;
	pid_t pid = -1;

	if (left > 1) {
		int next = left - 1;

		pid = start_child(chain, &next);
		if (pid < 0)
			return 99;
	}
	child_ready();
	test_waitsig();
	if (pid > 0)
		below = finish_child(pid);
	return below + 1;
}

int main(int argc, char **argv)
{
	int generations = GENERATIONS, status;
	pid_t pids[CHILDREN], first;

	test_init(argc, argv);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = start_child(idle, &i);
		if (pids[i] < 0)
			return 1;
	}
	first = start_child(chain, &generations);
	if (first < 0)
		return 1;

	test_daemon();
	test_waitsig();

	for (int i = 0; i < CHILDREN; i++) {
		status = finish_child(pids[i]);
		if (status != i + 1) {
			fail("child %d ended with %d", i, status);
			return 1;
		}
	}
	status = finish_child(first);
	if (status != GENERATIONS) {
		fail("the chain gave %d", status);
		return 1;
	}
	pass();
	return 0;
}
