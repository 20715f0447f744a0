// SPDX-License-Identifier: GPL-2.0-only
/* A file that is appended to by two who have opened it, and read by a third one. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

TEST_OPTION(filename, "the file");

int main(int argc, char **argv)
{
	int one, other, reader;
	char buf[16] = "";

	test_init(argc, argv);
	one = open(filename, O_WRONLY | O_CREAT | O_APPEND, 0600);
	other = open(filename, O_WRONLY | O_APPEND);
	reader = open(filename, O_RDONLY);
	if (one < 0 || other < 0 || reader < 0 || write(one, "one", 3) != 3 || write(other, "two", 3) != 3 ||
	    read(reader, buf, 2) != 2) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!(fcntl(one, F_GETFL) & O_APPEND) || (fcntl(reader, F_GETFL) & O_APPEND))
		fail("who appends has changed");
	else if (lseek(one, 0, SEEK_CUR) != 3)
		fail("the position is %ld", (long)lseek(one, 0, SEEK_CUR));
	else if (write(one, "ONE", 3) != 3 || write(other, "TWO", 3) != 3)
		fail_errno("cannot append");
	else if (read(reader, buf, sizeof(buf)) != 10 || memcmp(buf, "etwoONETWO", 10))
		fail("the reader finds %.10s", buf);
	else
		pass();
	return 0;
}
