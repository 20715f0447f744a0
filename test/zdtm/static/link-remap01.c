// SPDX-License-Identifier: GPL-2.0-only
/* The same without --link-remap: the dump must be refused, and say what would help. */
/* zdtm: expect=refuse:link-remap */
#include "zdtmtst.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

TEST_OPTION(filename, "file to open and remove");

int main(int argc, char **argv)
{
	char other[PATH_MAX], buf[8];
	int fd;

	test_init(argc, argv);
	snprintf(other, sizeof(other), "%s.other", filename);
	fd = open(filename, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, "contents", 8) != 8 || link(filename, other) || unlink(filename)) {
		pr_perror("cannot set up %s", filename);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (pread(fd, buf, 8, 0) != 8 || memcmp(buf, "contents", 8))
		fail("the file changed");
	else
		pass();
	unlink(other);
	return 0;
}
