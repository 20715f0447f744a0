// SPDX-License-Identifier: GPL-2.0-only
/* A file whose open name was removed, while another name of it is there and is written to. */
/* zdtm: opts=--link-remap */
#include "zdtmtst.h"

#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "the file's first name");

int main(int argc, char **argv)
{
	char other[300], buf[8] = "";
	struct stat mine, named;
	int fd, late;

	test_init(argc, argv);
	snprintf(other, sizeof(other), "%s.other", filename);
	fd = open(filename, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || link(filename, other) || unlink(filename) || write(fd, "first", 5) != 5) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	late = open(other, O_RDWR);
	if (late < 0 || fstat(fd, &mine) || fstat(late, &named) || mine.st_ino != named.st_ino || mine.st_nlink != 1)
		fail_errno("it is not the file with the other name, or has %lu names", (unsigned long)mine.st_nlink);
	else if (write(late, "F", 1) != 1 || pread(fd, buf, sizeof(buf), 0) != 5 || memcmp(buf, "First", 5))
		fail("the file has %.7s", buf);
	else if (!access(filename, F_OK))
		fail("the name that was removed is there");
	else
		pass();
	return 0;
}
