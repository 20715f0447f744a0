// SPDX-License-Identifier: GPL-2.0-only
/* A directory that was removed while it was open. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "the directory");

int main(int argc, char **argv)
{
	struct stat st;
	int fd;

	test_init(argc, argv);
	if (mkdir(dirname, 0711) || (fd = open(dirname, O_RDONLY | O_DIRECTORY)) < 0 || rmdir(dirname)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(fd, &st) || !S_ISDIR(st.st_mode) || st.st_nlink != 0 || (st.st_mode & 07777) != 0711)
		fail("it has %d links and the mode %o", (int)st.st_nlink, st.st_mode);
	else if (openat(fd, "file", O_CREAT | O_WRONLY, 0644) != -1 || errno != ENOENT)
		fail("a file can be made in it");
	else if (access(dirname, F_OK) == 0)
		fail("it has its name again");
	else
		pass();
	return 0;
}
