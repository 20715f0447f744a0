// SPDX-License-Identifier: GPL-2.0-only
/* The working directory is the same directory, not only one of the same name. */
#include "zdtmtst.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "directory to stand in");

int main(int argc, char **argv)
{
	char before[PATH_MAX], after[PATH_MAX];
	struct stat st1, st2;

	test_init(argc, argv);
	if (mkdir(dirname, 0700) || chdir(dirname) || !getcwd(before, sizeof(before)) ||
	    stat(".", &st1)) {
		pr_perror("cannot enter %s", dirname);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!getcwd(after, sizeof(after)) || stat(".", &st2))
		fail_errno("no working directory");
	else if (strcmp(before, after))
		fail("the working directory is %s, was %s", after, before);
	else if (st1.st_ino != st2.st_ino || st1.st_dev != st2.st_dev)
		fail("the working directory is another inode");
	else if (write_file("made-here", "x"))
		fail_errno("cannot create a file here");
	else
		pass();
	return 0;
}
