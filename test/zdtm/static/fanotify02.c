// SPDX-License-Identifier: GPL-2.0-only
/* A fanotify group still watches a whole file system. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "a file of the file system");

/* True if the file's change of mode is told of. */
static int is_told_of(int fd)
{
	char buf[8192] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *event = (const void *)buf;

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return chmod(filename, 0640) == 0 && read(fd, buf, sizeof(buf)) > 0 && event->mask == FAN_ATTRIB;
}

int main(int argc, char **argv)
{
	int fd;

	test_init(argc, argv);
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY);
	if (fd < 0 || write_file(filename, "x") ||
	    fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_ATTRIB, AT_FDCWD, filename))
		skip("no fanotify for file systems here");

	test_daemon();
	test_waitsig();

	if (is_told_of(fd))
		pass();
	else
		fail("a change is not told of");
	return 0;
}
