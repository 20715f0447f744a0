// SPDX-License-Identifier: GPL-2.0-only
/* A fanotify group that is asked for permission is refused. */
/* zdtm: expect="not-yet:ask for permission" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "directory to watch");

int main(int argc, char **argv)
{
	int fd;

	test_init(argc, argv);
	fd = fanotify_init(FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDONLY);
	if (fd < 0 || mkdir(dirname, 0700) ||
	    fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, dirname))
		skip("no fanotify with permissions here");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
