// SPDX-License-Identifier: GPL-2.0-only
/* A file that was renamed since it was opened, and a directory above one. */
#include "zdtmtst.h"

#include <stdio.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "where all is");

static int linked(int fd, char *target, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, size - 1);
	target[n < 0 ? 0 : n] = 0;
	return n < 0;
}

int main(int argc, char **argv)
{
	char before[PATH_MAX], after[PATH_MAX], inside[PATH_MAX], moved[PATH_MAX], now[PATH_MAX];
	int fd, in_dir;

	test_init(argc, argv);
	snprintf(before, sizeof(before), "%s/before", dirname);
	snprintf(after, sizeof(after), "%s/after", dirname);
	snprintf(inside, sizeof(inside), "%s/dir", dirname);
	snprintf(moved, sizeof(moved), "%s/moved", dirname);
	if (mkdir(dirname, 0700) || mkdir(inside, 0700) || chdir(inside)) {
		pr_perror("cannot make the directories");
		return 1;
	}
	fd = open(before, O_RDWR | O_CREAT, 0600);
	in_dir = open("file", O_RDWR | O_CREAT, 0600);
	if (fd < 0 || in_dir < 0 || rename(before, after) || rename(inside, moved) || write(fd, "one", 3) != 3 ||
	    write(in_dir, "two", 3) != 3) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (linked(fd, now, sizeof(now)) || strcmp(now, after))
		fail("the renamed file is %s", now);
	else if (linked(in_dir, now, sizeof(now)) || strncmp(now, moved, strlen(moved)))
		fail("the file in the renamed directory is %s", now);
	else if (!getcwd(now, sizeof(now)) || strcmp(now, moved))
		fail("the working directory is %s", now);
	else if (lseek(fd, 0, SEEK_CUR) != 3 || pread(in_dir, now, 3, 0) != 3 || memcmp(now, "two", 3))
		fail("the contents are others");
	else
		pass();
	return 0;
}
