// SPDX-License-Identifier: GPL-2.0-only
/* A file that never had a name (open(2) O_TMPFILE), with its contents and position. */
/* The name that /proc shows is made of the inode's number. */
/* zdtm: ignore=fds */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "where the file is");

int main(int argc, char **argv)
{
	char buf[64];
	struct stat st;
	int fd;

	test_init(argc, argv);
	if (mkdir(dirname, 0755)) {
		pr_perror("mkdir");
		return 1;
	}
	fd = open(dirname, O_TMPFILE | O_RDWR, 0640);
	if (fd < 0)
		skip("this file system has no O_TMPFILE");
	if (write(fd, "nameless", 8) != 8 || lseek(fd, 4, SEEK_SET) != 4) {
		pr_perror("cannot write");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(fd, &st) || st.st_nlink != 0 || st.st_size != 8 || (st.st_mode & 07777) != 0640)
		fail("it has %d links, %d bytes and the mode %o", (int)st.st_nlink, (int)st.st_size, st.st_mode);
	else if (read(fd, buf, sizeof(buf)) != 4 || memcmp(buf, "less", 4))
		fail("its contents or its position is lost");
	else if (write(fd, "!", 1) != 1)
		fail_errno("it cannot be written");
	else
		pass();
	return 0;
}
