// SPDX-License-Identifier: GPL-2.0-only
/* The file mode creation mask, seen by its effect. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "file to create after the restore");

int main(int argc, char **argv)
{
	struct stat st;
	mode_t mask;

	test_init(argc, argv);
	umask(0123);

	test_daemon();
	test_waitsig();

	if (creat(filename, 0777) < 0 || stat(filename, &st))
		fail_errno("cannot create %s", filename);
	else if ((st.st_mode & 0777) != (0777 & ~0123))
		fail("a new file has mode %o", st.st_mode & 0777);
	else if ((mask = umask(0)) != 0123)
		fail("umask is %o", mask);
	else
		pass();
	unlink(filename);
	return 0;
}
