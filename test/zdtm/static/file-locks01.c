// SPDX-License-Identifier: GPL-2.0-only
/* A locked file is refused, unless it is asked for that locks are dumped. */
/* zdtm: expect="refuse:use --file-locks" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/file.h>

TEST_OPTION(filename, "the file that is locked");

int main(int argc, char **argv)
{
	int fd;

	test_init(argc, argv);
	fd = open(filename, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		pr_perror("cannot lock");
		return 1;
	}
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
