// SPDX-License-Identifier: GPL-2.0-only
/* An inotify instance still watches. */
#include "zdtmtst.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "directory to watch");

int main(int argc, char **argv)
{
	char buf[4096] __attribute__((aligned(8)));
	struct inotify_event *event = (struct inotify_event *)buf;
	int fd, watch;

	test_init(argc, argv);
	fd = inotify_init1(IN_NONBLOCK);
	if (fd < 0 || mkdir(dirname, 0700) ||
	    (watch = inotify_add_watch(fd, dirname, IN_CREATE)) < 0 || chdir(dirname)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read(fd, buf, sizeof(buf)) != -1 || errno != EAGAIN)
		fail("there is an event nobody caused");
	else if (write_file("made", "x"))
		fail_errno("cannot make a file");
	else if (read(fd, buf, sizeof(buf)) <= 0)
		fail_errno("the event does not come");
	else if (event->wd != watch || !(event->mask & IN_CREATE) || strcmp(event->name, "made"))
		fail("the event is of watch %d, mask %#x", event->wd, event->mask);
	else
		pass();
	return 0;
}
