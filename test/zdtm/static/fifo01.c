// SPDX-License-Identifier: GPL-2.0-only
/* Named pipes of which one end is open, with what stands in them, and one that has been removed since. */
#include "zdtmtst.h"

#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "where the pipes go");

static int make(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", dirname, name);
	return mkfifo(path, 0600);
}

int main(int argc, char **argv)
{
	char reader_path[300], both_path[300], gone_path[300], buf[8] = "";
	int reader, both, gone;
	struct stat st;

	test_init(argc, argv);
	if (mkdir(dirname, 0700) || make(reader_path, sizeof(reader_path), "reader") ||
	    make(both_path, sizeof(both_path), "both") || make(gone_path, sizeof(gone_path), "gone")) {
		pr_perror("cannot make the pipes");
		return 1;
	}
	reader = open(reader_path, O_RDONLY | O_NONBLOCK);
	both = open(both_path, O_RDWR);
	gone = open(gone_path, O_RDWR);
	if (reader < 0 || both < 0 || gone < 0 || write(both, "both", 4) != 4 || write(gone, "gone", 4) != 4 ||
	    unlink(gone_path)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read(both, buf, sizeof(buf)) != 4 || memcmp(buf, "both", 4))
		fail("the pipe with both ends has %.7s", buf);
	else if (read(gone, buf, sizeof(buf)) != 4 || memcmp(buf, "gone", 4))
		fail("the removed pipe has %.7s", buf);
	else if (!stat(gone_path, &st) || fstat(gone, &st) || !S_ISFIFO(st.st_mode))
		fail("the removed pipe is there");
	else if (read(reader, buf, sizeof(buf)) != 0)
		fail("the pipe that nobody writes to has something");
	else if ((both = open(reader_path, O_WRONLY | O_NONBLOCK)) < 0 || write(both, "w", 1) != 1 ||
		 read(reader, buf, sizeof(buf)) != 1)
		fail_errno("the reader is not met by name");
	else
		pass();
	return 0;
}
