// SPDX-License-Identifier: GPL-2.0-only
/* One removed file, open twice in one task and once more in a child: it is one file for all. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "file to open and remove");

static int child_fd = -1;

static int child(void *arg)
{
	char buf[8] = "";

	(void)arg;
	/* By /proc: an open of its own, of the file that has no name any more. */
	child_fd = open("/proc/self/fd/3", O_RDONLY);
	if (child_fd < 0) {
		pr_perror("cannot open the removed file");
		return 1;
	}
	child_ready();
	test_waitsig();
	if (read(child_fd, buf, 6) != 6 || memcmp(buf, "second", 6)) {
		fail("the child reads %.6s", buf);
		return 1;
	}
	if (write(child_fd, "x", 1) >= 0) {
		fail("the child can write");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct stat one, two;
	int first, second;
	pid_t pid;

	test_init(argc, argv);
	first = open(filename, O_RDWR | O_CREAT | O_EXCL, 0600);
	second = open(filename, O_WRONLY);
	if (first != 3 || second < 0 || unlink(filename) || write(first, "first!", 6) != 6) {
		pr_perror("cannot set up %s", filename);
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (fstat(first, &one) || fstat(second, &two) || one.st_ino != two.st_ino ||
	    one.st_dev != two.st_dev)
		fail("the two descriptors are not one file any more");
	else if (lseek(first, 0, SEEK_CUR) != 6 || lseek(second, 0, SEEK_CUR) != 0)
		fail("a position changed");
	else if (write(second, "second", 6) != 6)
		fail_errno("cannot write");
	else if (finish_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
