// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file of /proc that belongs to the task, and is its child's too since the fork: one description, with one position,
 * which only opens when the task that it tells of is there. It is watched by an epoll set of the child.
 */
/* zdtm: ignore=fds */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static int status, mounts;

static int tells_of(pid_t pid)
{
	char text[4096], line[32];
	const ssize_t n = pread(status, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	snprintf(line, sizeof(line), "\nPid:\t%d\n", (int)pid);
	return strstr(text, line) != NULL;
}

static int child(void *parent)
{
	struct epoll_event event = { .events = EPOLLPRI, .data.u64 = 7 };
	const int set = epoll_create1(0);

	if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, mounts, &event)) {
		pr_perror("cannot watch the mounts");
		return 1;
	}
	child_ready();
	test_waitsig();
	if (lseek(status, 5, SEEK_SET) != 5)
		return 2;
	if (epoll_ctl(set, EPOLL_CTL_DEL, mounts, NULL))
		return 3;
	return tells_of(*(const pid_t *)parent) ? 0 : 4;
}

int main(int argc, char **argv)
{
	pid_t own, pid;
	int result;

	test_init(argc, argv);
	own = getpid();
	status = open("/proc/self/status", O_RDONLY);
	mounts = open("/proc/self/mounts", O_RDONLY);
	pid = start_child(child, &own);
	if (status < 0 || mounts < 0 || pid < 0) {
		pr_perror("cannot open files of /proc");
		return 1;
	}

	test_daemon();
	test_waitsig();

	result = finish_child(pid);
	if (result != 0)
		fail("the child ends with %d", result);
	else if (!tells_of(own))
		fail("the file tells of another task");
	else if (lseek(status, 0, SEEK_CUR) != 5)
		fail("the position is not the child's");
	else
		pass();
	return 0;
}
