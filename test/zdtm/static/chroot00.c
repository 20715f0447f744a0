// SPDX-License-Identifier: GPL-2.0-only
/* Another root directory, and a working directory below it. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "the new root");

int main(int argc, char **argv)
{
	char cwd[PATH_MAX];
	struct stat root, sub;

	test_init(argc, argv);
	if (mkdir(dirname, 0755) || chroot(dirname) || chdir("/") || mkdir("/sub", 0755) ||
	    write_file("/sub/mark", "here") || chdir("/sub") || stat("/", &root)) {
		pr_perror("cannot set up the root %s", dirname);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/sub"))
		fail("the working directory is %s", cwd);
	else if (access("mark", F_OK) || access("/sub/mark", F_OK))
		fail_errno("the file below the root is not found");
	else if (!access("/proc/self", F_OK))
		fail("the root is the machine's");
	else if (stat("/", &sub) || sub.st_ino != root.st_ino || sub.st_dev != root.st_dev)
		fail("the root is another inode");
	else if (stat("/..", &sub) || sub.st_ino != root.st_ino)
		fail("the root can be left");
	else
		pass();
	return 0;
}
