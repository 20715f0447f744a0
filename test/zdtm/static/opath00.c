// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors that only stand for a place (open(2) O_PATH): of a file, a directory, a symbolic link, a named pipe. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "where they are");

static const char *const names[] = { "file", "dir", "link", "fifo" };
static const mode_t types[] = { S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO };

static int make(int dir)
{
	int fd = openat(dir, "file", O_CREAT | O_WRONLY, 0644);

	return fd < 0 || close(fd) || mkdirat(dir, "dir", 0755) || symlinkat("file", dir, "link") ||
	       mkfifoat(dir, "fifo", 0644);
}

int main(int argc, char **argv)
{
	int dir, fds[array_size(names)];
	struct stat st, before[array_size(names)];
	char c;
	size_t i;

	test_init(argc, argv);
	if (mkdir(dirname, 0755) || (dir = open(dirname, O_RDONLY | O_DIRECTORY)) < 0 || make(dir)) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < array_size(names); i++) {
		fds[i] = openat(dir, names[i], O_PATH | O_NOFOLLOW);
		if (fds[i] < 0 || fstat(fds[i], &before[i])) {
			pr_perror("cannot open %s", names[i]);
			return 1;
		}
	}
	close(dir);

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(names); i++) {
		if (fstat(fds[i], &st) || (st.st_mode & S_IFMT) != types[i] || st.st_ino != before[i].st_ino) {
			fail("%s is another one (mode %o)", names[i], st.st_mode);
			return 1;
		}
		if (read(fds[i], &c, 1) != -1 || errno != EBADF || !(fcntl(fds[i], F_GETFL) & O_PATH)) {
			fail("%s can be read", names[i]);
			return 1;
		}
	}
	if (openat(fds[1], ".", O_RDONLY | O_DIRECTORY) < 0)
		fail_errno("nothing can be opened by the directory");
	else
		pass();
	return 0;
}
