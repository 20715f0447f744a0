// SPDX-License-Identifier: GPL-2.0-only
/* The working directory is that of a process in /proc which has ended. */
#include "zdtmtst.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	char path[32], link[64] = "";
	pid_t pid;

	test_init(argc, argv);
	pid = start_child(child, NULL);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (pid < 0 || chdir(path) || finish_child(pid)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (access("stat", F_OK) == 0 || (errno != ENOENT && errno != ESRCH))
		fail_errno("the ended process is there");
	else if (readlink("/proc/self/cwd", link, sizeof(link) - 1) < 0 || strncmp(link, path, strlen(path)))
		fail("the working directory is %s, not %s", link, path);
	else
		pass();
	return 0;
}
