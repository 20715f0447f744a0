// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task of another uid opens anew, by /proc/self/fd, what it could open before: a pipe, a removed
 * file, a removed named pipe.
 */
/* zdtm: needs=uid */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "directory to make");

#define UID 12345

static int reopen(int fd, int flags)
{
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags);
	if (again >= 0)
		close(again);
	return again;
}

static int check(const int *fds, const char *when)
{
	static const char *const names[] = { "pipe", "removed file", "removed named pipe" };

	for (size_t i = 0; i < array_size(names); i++) {
		if (reopen(fds[i], O_RDWR | O_NONBLOCK) < 0) {
			fail_errno("the %s cannot be opened %s", names[i], when);
			return -1;
		}
	}
	return 0;
}

static int child(void *arg)
{
	int both[2], fds[3];
	char name[4096];

	(void)arg;
	if (setresgid(UID, UID, UID) || setresuid(UID, UID, UID) || prctl(PR_SET_DUMPABLE, 1)) {
		pr_perror("cannot become another user");
		return 1;
	}
	snprintf(name, sizeof(name), "%s/file", dirname);
	fds[1] = open(name, O_RDWR | O_CREAT, 0600);
	if (pipe(both) || fds[1] < 0 || unlink(name) || mkfifo(name, 0600)) {
		pr_perror("cannot set up %s", dirname);
		return 1;
	}
	fds[0] = both[0];
	fds[2] = open(name, O_RDWR);
	if (fds[2] < 0 || unlink(name) || check(fds, "before"))
		return 1;
	child_ready();
	test_waitsig();
	return check(fds, "after") ? 1 : 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	if (mkdir(dirname, 0755) || chown(dirname, UID, UID)) {
		pr_perror("cannot make %s", dirname);
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (finish_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
