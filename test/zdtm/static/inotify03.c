// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is watched (inotify(7)) is a directory in which a restore has work to do, and what it makes there: nobody is
 * told of that, and the watches are still there.
 */
/* The socket's file and the removed one are made anew, so the watches tell of other inodes. */
/* zdtm: ignore=fds */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(dirname, "what is watched");

enum { DIRECTORY, SOCKET, FIFO, REMOVED, FILES };

static char path[FILES][200];
static int watch[FILES], fd[FILES];

static int make(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(path[DIRECTORY], sizeof(path[0]), "%s", dirname);
	snprintf(path[SOCKET], sizeof(path[0]), "%s/s", dirname);
	snprintf(path[FIFO], sizeof(path[0]), "%s/fifo", dirname);
	snprintf(path[REMOVED], sizeof(path[0]), "%s/removed", dirname);
	/* Short, as an address has little room. */
	strcpy(a.sun_path, "s");
	if (mkdir(dirname, 0700) || chdir(dirname))
		return -1;
	fd[SOCKET] = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd[SOCKET] < 0 || bind(fd[SOCKET], (struct sockaddr *)&a, sizeof(a)) || listen(fd[SOCKET], 1) ||
	    mkfifo("fifo", 0600) || (fd[FIFO] = open("fifo", O_RDWR)) < 0 || write(fd[FIFO], "x", 1) != 1 ||
	    (fd[REMOVED] = open("removed", O_RDWR | O_CREAT, 0600)) < 0 || write(fd[REMOVED], "x", 1) != 1)
		return -1;
	return chdir("/");
}

int main(int argc, char **argv)
{
	union {
		struct inotify_event event;
		char bytes[4096];
	} got;
	int in = inotify_init1(IN_NONBLOCK), i;

	test_init(argc, argv);
	if (in < 0 || make()) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < FILES; i++) {
		watch[i] = inotify_add_watch(in, path[i], IN_ALL_EVENTS);
		if (watch[i] < 0) {
			pr_perror("%s", path[i]);
			return 1;
		}
	}
	if (unlink(path[REMOVED]) || read(in, &got, sizeof(got)) <= 0) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read(in, &got, sizeof(got)) != -1 || errno != EAGAIN) {
		fail("an event (watch %d, %#x, %s) that only the restore can have caused", got.event.wd, got.event.mask,
		     got.event.len ? got.event.name : "");
		return 1;
	}
	for (i = FILES; i-- > 0;) {
		if (i == REMOVED ? fchmod(fd[i], 0640) : chmod(path[i], 0750)) {
			pr_perror("chmod");
			return 1;
		}
		if (read(in, &got, sizeof(got)) <= 0) {
			fail_errno("%s is not watched", path[i]);
			return 1;
		}
		if (got.event.mask != IN_ATTRIB && got.event.mask != (IN_ATTRIB | IN_ISDIR)) {
			fail("%s: %#x", path[i], got.event.mask);
			return 1;
		}
	}
	pass();
	return 0;
}
