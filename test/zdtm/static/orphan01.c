// SPDX-License-Identifier: GPL-2.0-only
/* The orphans of a session whose leader has gone: one was left to the test, one to its child. Both are subreapers. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAR, NEAR };
static pid_t *orphan_pids, *leader_pid;

static int orphan(void *arg)
{
	orphan_pids[(long)arg] = getpid();
	child_ready();
	test_waitsig();
	return getsid(0) == *leader_pid ? 0 : 1;
}

static int between(void *arg)
{
	if (start_child(orphan, arg) < 0)
		return 1;
	child_ready();
	return 0;
}

/* Its grandchild goes to the test, as the child is no subreaper yet. */
static int leader(void *arg)
{
	pid_t pid;

	(void)arg;
	*leader_pid = setsid();
	pid = start_child(between, (void *)FAR);
	if (*leader_pid != getpid() || pid < 0 || reap_child(pid))
		return 1;
	if (start_child(orphan, (void *)NEAR) < 0)
		return 2;
	child_ready();
	test_waitsig();
	return 0;
}

static int child(void *arg)
{
	pid_t pid = start_child(leader, arg);
	int set = 0;

	if (pid < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) || finish_child(pid))
		return 1;
	child_ready();
	test_waitsig();
	if (prctl(PR_GET_CHILD_SUBREAPER, &set) || set != 1)
		return 2;
	if (finish_child(orphan_pids[NEAR]))
		return 3;
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 4;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	orphan_pids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (orphan_pids == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		pr_perror("cannot set up");
		return 1;
	}
	leader_pid = orphan_pids + 2;
	pid = start_child(child, NULL);
	if (pid < 0) {
		pr_err("the child failed");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (finish_child(orphan_pids[FAR]))
		fail("the orphan failed or is not our child");
	else if (finish_child(pid))
		fail("the child or its orphan failed");
	else if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		fail("there is another child");
	else
		pass();
	return 0;
}
