// SPDX-License-Identifier: GPL-2.0-only
/* A file that never had a name is given one (linkat(2)); an open of it for reading, which is older in the table. */
/* The name that /proc shows is made of the inode's number. */
/* zdtm: ignore=fds */
#include "zdtmtst.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "where the file is");

int main(int argc, char **argv)
{
	char self[PATH_MAX], name[PATH_MAX], buf[16];
	struct stat st;
	int fd, reader, flags;

	test_init(argc, argv);
	if (mkdir(dirname, 0755)) {
		pr_perror("mkdir");
		return 1;
	}
	reader = open("/dev/null", O_RDONLY);
	fd = open(dirname, O_TMPFILE | O_RDWR | O_APPEND, 0640);
	if (fd < 0)
		skip("this file system has no O_TMPFILE");
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	close(reader);
	if (open(self, O_RDONLY) != reader || write(fd, "nameless", 8) != 8) {
		pr_perror("cannot open it again or write");
		return 1;
	}
	flags = fcntl(fd, F_GETFL);

	test_daemon();
	test_waitsig();

	snprintf(name, sizeof(name), "%s/name", dirname);
	if (fcntl(fd, F_GETFL) != flags)
		fail("its flags were 0%o, and are 0%o", flags, fcntl(fd, F_GETFL));
	else if (lseek(fd, 0, SEEK_CUR) != 8 || lseek(reader, 0, SEEK_CUR) != 0)
		fail("a position is lost");
	else if (linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW))
		fail_errno("it cannot be given a name");
	else if (stat(name, &st) || st.st_nlink != 1 || (st.st_mode & 07777) != 0640)
		fail("it has %d links and the mode %o", (int)st.st_nlink, (int)st.st_mode);
	else if (write(fd, "!", 1) != 1 || read(reader, buf, sizeof(buf)) != 9 || memcmp(buf, "nameless!", 9))
		fail("its contents are lost, or are another file's");
	else
		pass();
	unlink(name);
	return 0;
}
