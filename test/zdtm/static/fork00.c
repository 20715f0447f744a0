// SPDX-License-Identifier: GPL-2.0-only
/* A tree of tasks: children and grandchildren with their pids, parents and own memory. */
#include "zdtmtst.h"

#include <unistd.h>

#define CHILDREN 3

static pid_t parent_of_me;
static uint32_t mine;

static int check_self(pid_t self)
{
	if (getpid() != self) {
		fail("pid is %d, was %d", getpid(), self);
		return 1;
	}
	if (getppid() != parent_of_me) {
		fail("%d: parent is %d, was %d", self, getppid(), parent_of_me);
		return 1;
	}
	if (mine != (uint32_t)self * 2654435761u) {
		fail("%d: own memory holds another task's value", self);
		return 1;
	}
	return 0;
}

static int grandchild(void *arg)
{
	pid_t self = getpid();

	(void)arg;
	parent_of_me = getppid();
	mine = (uint32_t)self * 2654435761u;
	child_ready();
	test_waitsig();
	return check_self(self);
}

static int child(void *arg)
{
	pid_t self = getpid(), below;

	parent_of_me = getppid();
	mine = (uint32_t)self * 2654435761u;
	below = start_child(grandchild, arg);
	if (below < 0)
		return 1;
	child_ready();
	test_waitsig();
	if (finish_child(below)) {
		fail("%d: the grandchild %d failed", self, below);
		return 1;
	}
	return check_self(self);
}

int main(int argc, char **argv)
{
	pid_t pids[CHILDREN], self;

	test_init(argc, argv);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = start_child(child, NULL);
		if (pids[i] < 0)
			return 1;
	}
	self = getpid();
	mine = (uint32_t)self * 2654435761u;

	test_daemon();
	test_waitsig();

	for (int i = 0; i < CHILDREN; i++) {
		int status = finish_child(pids[i]);

		if (status) {
			fail("child %d ended with %d", pids[i], status);
			return 1;
		}
	}
	if (getpid() != self || mine != (uint32_t)self * 2654435761u) {
		fail("the root changed");
		return 1;
	}
	pass();
	return 0;
}
