// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors that only stand for a pipe (open(2) O_PATH): of one with both ends, of one that has none left. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int place_of(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_PATH);
}

static int reopen(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_NONBLOCK);
}

int main(int argc, char **argv)
{
	int ends[2], gone[2], place, lonely, again;
	struct stat one, other;
	char buf[8];

	test_init(argc, argv);
	if (pipe(ends) || pipe(gone) || write(ends[1], "data", 4) != 4 || (place = place_of(ends[0])) < 0 ||
	    (lonely = place_of(gone[0])) < 0 || close(gone[0]) || close(gone[1])) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(place, &one) || fstat(ends[1], &other) || one.st_ino != other.st_ino)
		fail_errno("it stands for another pipe");
	else if (read(place, buf, 1) != -1 || errno != EBADF || !(fcntl(place, F_GETFL) & O_PATH) ||
		 !(fcntl(lonely, F_GETFL) & O_PATH))
		fail_errno("it can be read");
	else if ((again = reopen(place)) < 0 || read(again, buf, sizeof(buf)) != 4 || memcmp(buf, "data", 4))
		fail_errno("what is opened by it does not have the data");
	else if ((again = reopen(lonely)) < 0 || read(again, buf, sizeof(buf)) != 0)
		fail_errno("the pipe without ends cannot be opened");
	else
		pass();
	return 0;
}
