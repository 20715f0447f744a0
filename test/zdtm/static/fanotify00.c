// SPDX-License-Identifier: GPL-2.0-only
/* A fanotify group still watches: a directory and what is in it, a mount; what it ignores it still ignores. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "directory to watch");

/* The marks of the group as the kernel tells of them, but for the number of the mount. */
static void marks(int fd, char *text, size_t size)
{
	char path[64], info[8192], *line, *save;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	text[0] = '\0';
	if (read_file(path, info, sizeof(info)) < 0)
		return;
	for (line = strtok_r(info, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, "fanotify ", 9))
			snprintf(text + strlen(text), size - strlen(text), "%s\n", line);
}

/* How many events there are, of which the last has that mask. */
static int events(int fd, uint64_t *mask)
{
	char buf[8192] __attribute__((aligned(8)));
	struct fanotify_event_metadata *event = (struct fanotify_event_metadata *)buf;
	ssize_t left = read(fd, buf, sizeof(buf));
	int n = 0;

	for (; left > 0 && FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left), n++) {
		*mask = event->mask;
		if (event->fd >= 0)
			close(event->fd);
	}
	return n;
}

static void touch(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dirname, name);
	close(open(path, O_RDONLY));
}

int main(int argc, char **argv)
{
	char before[4096], after[4096], path[4096];
	int inode, mount;
	uint64_t mask = 0;

	test_init(argc, argv);
	inode = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE, O_RDONLY | O_NOATIME);
	mount = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
	if (inode < 0 || mount < 0)
		skip("no fanotify here");
	snprintf(path, sizeof(path), "%s/ignored", dirname);
	if (mkdir(dirname, 0700) || write_file(path, "x") || (snprintf(path, sizeof(path), "%s/seen", dirname), 0) ||
	    write_file(path, "x") ||
	    fanotify_mark(inode, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD | FAN_ONDIR, AT_FDCWD, dirname) ||
	    fanotify_mark(mount, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CLOSE_WRITE, AT_FDCWD, dirname)) {
		pr_perror("cannot set up");
		return 1;
	}
	snprintf(path, sizeof(path), "%s/ignored", dirname);
	if (fanotify_mark(inode, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN,
			  AT_FDCWD, path)) {
		pr_perror("cannot ignore");
		return 1;
	}
	marks(inode, before, sizeof(before));

	test_daemon();
	test_waitsig();

	marks(inode, after, sizeof(after));
	if (strcmp(before, after)) {
		fail("the marks are\n%sand were\n%s", after, before);
		return 1;
	}
	if (events(inode, &mask)) {
		fail("there is an event nobody caused (%#llx)", (unsigned long long)mask);
		return 1;
	}
	events(mount, &mask);
	touch("ignored");
	if (events(inode, &mask)) {
		fail("what is to be ignored is not");
		return 1;
	}
	touch("seen");
	if (events(inode, &mask) != 1 || mask != FAN_OPEN) {
		fail("the event does not come (%#llx)", (unsigned long long)mask);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/seen", dirname);
	close(open(path, O_WRONLY));
	if (events(mount, &mask) < 1 || mask != FAN_CLOSE_WRITE)
		fail("the mount's event does not come (%#llx)", (unsigned long long)mask);
	else
		pass();
	return 0;
}
