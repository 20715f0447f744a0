// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers of named pipes: poll(2) tells them of a hang-up when a writer has come and gone, and not before. One of them
 * has something to read, and two are of one pipe.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "where the pipes go");

static char path[3][300];

static bool hangs_up(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

static int reader(int nr)
{
	return open(path[nr], O_RDONLY | O_NONBLOCK);
}

static int writer(int nr)
{
	return open(path[nr], O_WRONLY | O_NONBLOCK);
}

static bool says(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !close(fd);
}

static bool hears(int fd, const char *text)
{
	char buf[16];
	ssize_t n = read(fd, buf, sizeof(buf));

	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

int main(int argc, char **argv)
{
	int fresh, left, early, late, i;

	test_init(argc, argv);
	for (i = 0; i < 3; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%d", dirname, i);
	if (mkdir(dirname, 0700) || mkfifo(path[0], 0600) || mkfifo(path[1], 0600) || mkfifo(path[2], 0600)) {
		pr_perror("cannot make the pipes");
		return 1;
	}
	fresh = reader(0);
	left = reader(1);
	early = reader(2);
	if (fresh < 0 || left < 0 || early < 0 || !says(writer(1), "left") || !says(writer(2), "early") ||
	    (late = reader(2)) < 0 || hangs_up(fresh) || !hangs_up(left) || !hangs_up(early) || hangs_up(late)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (hangs_up(fresh) || !hangs_up(left) || !hangs_up(early) || hangs_up(late))
		fail("hang-ups: %d %d %d %d, not 0 1 1 0", hangs_up(fresh), hangs_up(left), hangs_up(early), hangs_up(late));
	else if (!hears(left, "left") || !hears(left, "") || !hears(late, "early") || !hears(early, "") || !hears(fresh, ""))
		fail("not what stood in them");
	else if (!says(writer(0), "first") || !hangs_up(fresh) || !hears(fresh, "first"))
		fail("the first writer has come and gone, and the reader is not told");
	else
		pass();
	return 0;
}
