// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file opened by a name that is gone, while another name of it stays. With --link-remap the
 * dump makes a temporary name; after the restore it is the same file as the other name's.
 */
/* zdtm: dump-opts=--link-remap */
#include "zdtmtst.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "file to open and remove");

int main(int argc, char **argv)
{
	char other[PATH_MAX], buf[8];
	struct stat open_file, named;
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

	if (fstat(fd, &open_file) || stat(other, &named))
		fail_errno("stat");
	else if (open_file.st_ino != named.st_ino || open_file.st_dev != named.st_dev)
		fail("the open file is not the one that still has a name");
	else if (named.st_nlink != 1)
		fail("the file has %ld names", (long)named.st_nlink);
	else if (lseek(fd, 0, SEEK_CUR) != 8 || pread(fd, buf, 8, 0) != 8 ||
		 memcmp(buf, "contents", 8))
		fail("position or contents changed");
	else if (!access(filename, F_OK))
		fail("the removed name is there again");
	else
		pass();
	unlink(other);
	return 0;
}
