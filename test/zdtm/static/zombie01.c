// SPDX-License-Identifier: GPL-2.0-only
/* A zombie whose parent is not the root, and one that leads a process group with a member. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int idle(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 5;
}

static int parent_of_zombie(void *arg)
{
	siginfo_t info;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(17);
	if (pid < 0 || waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		return 1;
	child_ready();
	test_waitsig();
	if (reap_child(pid) != 17) {
		fail("the child's zombie has another status");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	pid_t parent, leader, member;
	siginfo_t info;
	int status;

	test_init(argc, argv);
	parent = start_child(parent_of_zombie, NULL);
	leader = start_child(idle, NULL);
	member = start_child(idle, NULL);
	if (parent < 0 || leader < 0 || member < 0 || setpgid(leader, leader) ||
	    setpgid(member, leader) || kill(leader, SIGKILL) ||
	    waitid(P_PID, leader, &info, WEXITED | WNOWAIT)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getpgid(leader) != leader || getpgid(member) != leader)
		fail("the group is %d for the zombie, %d for the member", getpgid(leader),
		     getpgid(member));
	else if (waitpid(leader, &status, 0) != leader || !WIFSIGNALED(status) ||
		 WTERMSIG(status) != SIGKILL)
		fail("the zombie's status is %#x", status);
	else if (finish_child(member) != 5)
		fail("the member failed");
	else if (finish_child(parent))
		fail("the zombie's parent failed");
	else
		pass();
	return 0;
}
