// SPDX-License-Identifier: GPL-2.0-only
/* A living session with a member whose parent has gone: it was left to the test, a subreaper. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t *orphan_pid;

static int orphan(void *arg)
{
	pid_t sid = getsid(0);

	(void)arg;
	*orphan_pid = getpid();
	child_ready();
	test_waitsig();
	return getsid(0) == sid && getpgrp() == sid ? 0 : 1;
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

	if (setsid() != getpid())
		return 1;
	pid = start_child(between, arg);
	if (pid < 0 || reap_child(pid))
		return 1;
	child_ready();
	test_waitsig();
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 2;
}

int main(int argc, char **argv)
{
	pid_t sid, pid;

	test_init(argc, argv);
	orphan_pid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (orphan_pid == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		pr_perror("cannot set up");
		return 1;
	}
	sid = start_child(leader, NULL);
	if (sid < 0) {
		pr_err("the leader failed");
		return 1;
	}
	pid = *orphan_pid;

	test_daemon();
	test_waitsig();

	if (getsid(pid) != sid || getpgid(pid) != sid)
		fail("the orphan is in session %d group %d, was %d", getsid(pid), getpgid(pid), sid);
	else if (finish_child(pid))
		fail("the orphan failed or is not our child");
	else if (finish_child(sid))
		fail("the leader failed");
	else
		pass();
	return 0;
}
