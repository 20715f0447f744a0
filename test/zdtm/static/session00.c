// SPDX-License-Identifier: GPL-2.0-only
/* Sessions: a child with its own, one that stayed, and a grandchild in the child's session. */
#include "zdtmtst.h"

#include <sys/wait.h>
#include <unistd.h>

static int check_ids(const char *who, pid_t sid, pid_t pgid)
{
	if (getsid(0) == sid && getpgrp() == pgid)
		return 0;
	fail("%s: session %d group %d, was %d %d", who, getsid(0), getpgrp(), sid, pgid);
	return 1;
}

static int grandchild(void *arg)
{
	pid_t sid = getsid(0);

	(void)arg;
	setpgid(0, 0);
	child_ready();
	test_waitsig();
	return check_ids("the grandchild", sid, getpid());
}

static int leader(void *arg)
{
	pid_t below;

	if (setsid() != getpid())
		return 1;
	below = start_child(grandchild, arg);
	if (below < 0)
		return 1;
	child_ready();
	test_waitsig();
	if (finish_child(below)) {
		fail("the grandchild failed");
		return 1;
	}
	return check_ids("the leader", getpid(), getpid());
}

static int stayed(void *arg)
{
	pid_t sid = getppid();

	(void)arg;
	child_ready();
	test_waitsig();
	return check_ids("the child that stayed", sid, sid);
}

int main(int argc, char **argv)
{
	pid_t own, same;

	test_init(argc, argv);
	own = start_child(leader, NULL);
	same = start_child(stayed, NULL);
	if (own < 0 || same < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (finish_child(own) || finish_child(same)) {
		fail("a child failed");
		return 1;
	}
	if (check_ids("the root", getpid(), getpid()))
		return 1;
	pass();
	return 0;
}
