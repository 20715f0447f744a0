// SPDX-License-Identifier: GPL-2.0-only
/*
 * An orphan that was left to the test, a subreaper, and is of a session that the test was never in. That session's
 * leader lives farther down, so that it is no sibling of the orphan.
 */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t *orphan_pid, *leader_pid;

static int orphan(void *arg)
{
	(void)arg;
	*orphan_pid = getpid();
	child_ready();
	test_waitsig();
	return getsid(0) == *leader_pid && getpgrp() == *leader_pid ? 0 : 1;
}

static int between(void *arg)
{
	if (start_child(orphan, arg) < 0)
		return 1;
	child_ready();
	return 0;
}

static int leader(void *arg)
{
	pid_t pid;

	*leader_pid = setsid();
	pid = start_child(between, arg);
	if (*leader_pid != getpid() || pid < 0 || reap_child(pid))
		return 1;
	child_ready();
	test_waitsig();
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 2;
}

static int parent_of_leader(void *arg)
{
	pid_t pid = start_child(leader, arg);
	int set = -1;

	if (pid < 0)
		return 1;
	child_ready();
	test_waitsig();
	if (prctl(PR_GET_CHILD_SUBREAPER, &set) || set)
		return 2;
	return finish_child(pid) ? 3 : 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	orphan_pid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (orphan_pid == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		pr_perror("cannot set up");
		return 1;
	}
	leader_pid = orphan_pid + 1;
	pid = start_child(parent_of_leader, NULL);
	if (pid < 0) {
		pr_err("the child failed");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (finish_child(*orphan_pid))
		fail("the orphan failed or is not our child");
	else if (finish_child(pid))
		fail("the child failed");
	else if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		fail("there is another child");
	else
		pass();
	return 0;
}
