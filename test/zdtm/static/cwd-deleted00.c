// SPDX-License-Identifier: GPL-2.0-only
/* A working directory that was removed: still the working directory, still without a name. */
#include "zdtmtst.h"

#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "directory to enter and remove");

int main(int argc, char **argv)
{
	char buf[4096];
	struct stat st;

	test_init(argc, argv);
	if (mkdir(dirname, 0711) || chdir(dirname) || rmdir(dirname)) {
		pr_perror("cannot enter and remove %s", dirname);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getcwd(buf, sizeof(buf)) || errno != ENOENT)
		fail("the working directory has a name");
	else if (stat(".", &st) || !S_ISDIR(st.st_mode) || st.st_nlink)
		fail("the working directory is no removed directory");
	else if ((st.st_mode & 0777) != 0711)
		fail("the working directory has mode %o", st.st_mode & 0777);
	else if (!access(dirname, F_OK))
		fail("the directory's name is there again");
	else if (!write_file("file", "x"))
		fail("a file can be made in a removed directory");
	else
		pass();
	return 0;
}
