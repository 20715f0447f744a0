// SPDX-License-Identifier: GPL-2.0-only
/* Two inotify sets that watch one directory, and one file by two names. */
#include "zdtmtst.h"

#include <stdio.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "what is watched");

static int next(int fd, struct inotify_event *event, size_t size)
{
	return read(fd, event, size) >= (ssize_t)sizeof(*event) ? 0 : -1;
}

int main(int argc, char **argv)
{
	char file[300], other[300];
	union {
		struct inotify_event event;
		char bytes[4096];
	} got;
	int one, two, in_one, in_two, of_file;

	test_init(argc, argv);
	snprintf(file, sizeof(file), "%s/file", dirname);
	snprintf(other, sizeof(other), "%s/other", dirname);
	one = inotify_init1(IN_NONBLOCK);
	two = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (mkdir(dirname, 0700) || close(open(file, O_CREAT | O_WRONLY, 0600)) || link(file, other) || one < 0 ||
	    two < 0 || (in_one = inotify_add_watch(one, dirname, IN_CREATE)) < 0 ||
	    (in_two = inotify_add_watch(two, dirname, IN_DELETE)) < 0 ||
	    (of_file = inotify_add_watch(two, other, IN_MODIFY)) < 0) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (write_file(file, "x") || next(two, &got.event, sizeof(got)) || got.event.wd != of_file ||
	    got.event.mask != IN_MODIFY) {
		fail_errno("that the file has changed is not told");
		return 1;
	}
	if (unlink(other) || next(two, &got.event, sizeof(got)) || got.event.wd != in_two ||
	    got.event.mask != IN_DELETE || strcmp(got.event.name, "other")) {
		fail_errno("that a name was removed is not told");
		return 1;
	}
	if (next(one, &got.event, sizeof(got)) != -1) {
		fail("the other set tells of it");
		return 1;
	}
	if (link(file, other) || next(one, &got.event, sizeof(got)) || got.event.wd != in_one ||
	    got.event.mask != IN_CREATE)
		fail_errno("that a name was made is not told");
	else
		pass();
	return 0;
}
