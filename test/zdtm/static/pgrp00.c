// SPDX-License-Identifier: GPL-2.0-only
/* Process groups of one session: a member that is no leader, and a group whose leader is gone. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int idle(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	pid_t leader, member, gone, left;

	test_init(argc, argv);
	leader = start_child(idle, NULL);
	member = start_child(idle, NULL);
	gone = start_child(idle, NULL);
	left = start_child(idle, NULL);
	if (leader < 0 || member < 0 || gone < 0 || left < 0 || setpgid(leader, leader) ||
	    setpgid(member, leader) || setpgid(gone, gone) || setpgid(left, gone)) {
		pr_perror("cannot set up");
		return 1;
	}
	if (finish_child(gone)) {
		pr_err("a group's leader failed");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getpgrp() != getpid())
		fail("the root's group is %d", getpgrp());
	else if (getpgid(leader) != leader || getpgid(member) != leader)
		fail("the group %d has changed: %d %d", leader, getpgid(leader), getpgid(member));
	else if (getpgid(left) != gone)
		fail("the member of a group without leader is in %d, was %d", getpgid(left), gone);
	else if (kill(gone, 0) != -1 || errno != ESRCH)
		fail("there is a task with the leader's pid");
	else if (kill(-gone, SIGTERM) || reap_child(left))
		fail("the group cannot be signalled");
	else if (kill(-leader, SIGTERM) || reap_child(leader) || reap_child(member))
		fail("the group cannot be signalled");
	else
		pass();
	return 0;
}
