// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches of a file that the task has open, and of one that has been renamed since; their numbers, with one
 * missing between them; a watch for one event only; an instance that two tasks share.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "where the files are");

static char buf[4096] __attribute__((aligned(8)));

static int expect(int fd, int wd, uint32_t mask, const char *what)
{
	const struct inotify_event *event = (struct inotify_event *)buf;
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < (ssize_t)sizeof(*event))
		fail_errno("%s: no event", what);
	else if (event->wd != wd || !(event->mask & mask))
		fail("%s: the event is of watch %d, mask %#x", what, event->wd, event->mask);
	else
		return 0;
	return -1;
}

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return write_file("renamed", "by the child");
}

int main(int argc, char **argv)
{
	int fd, file, renamed, once, between, open_file;
	pid_t pid;

	test_init(argc, argv);
	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0 || mkdir(dirname, 0700) || chdir(dirname) || write_file("file", "") || write_file("name", "") ||
	    write_file("once", "") || (open_file = open("file", O_RDWR)) < 0) {
		pr_perror("cannot set up");
		return 1;
	}
	file = inotify_add_watch(fd, "file", IN_MODIFY | IN_OPEN);
	between = inotify_add_watch(fd, ".", IN_DELETE);
	renamed = inotify_add_watch(fd, "name", IN_MODIFY);
	once = inotify_add_watch(fd, "once", IN_ATTRIB | IN_ONESHOT);
	if (file < 0 || between < 0 || renamed < 0 || once < 0 || inotify_rm_watch(fd, between) ||
	    rename("name", "renamed") || read(fd, buf, sizeof(buf)) < 0) {
		pr_perror("inotify");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (read(fd, buf, sizeof(buf)) != -1 || errno != EAGAIN) {
		fail("there is an event nobody caused");
		return 1;
	}
	if (write(open_file, "x", 1) != 1 || expect(fd, file, IN_MODIFY, "the open file"))
		return 1;
	if (finish_child(pid) || expect(fd, renamed, IN_MODIFY, "the renamed file"))
		return 1;
	if (chmod("once", 0600) || expect(fd, once, IN_ATTRIB, "the one event"))
		return 1;
	if (read(fd, buf, sizeof(buf)) > 0) /* that it is watched no more */
		(void)!chmod("once", 0644);
	if (read(fd, buf, sizeof(buf)) != -1 || errno != EAGAIN)
		fail("a second event is told");
	else if (inotify_add_watch(fd, "file", IN_DELETE_SELF) != file)
		fail("the file is watched by another number");
	else
		pass();
	return 0;
}
