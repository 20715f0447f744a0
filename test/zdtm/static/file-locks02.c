// SPDX-License-Identifier: GPL-2.0-only
/* As many locks as a database may have (fcntl F_SETLK): 5000 of one file. */
/* zdtm: opts=--file-locks */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_OPTION(filename, "the file that is locked");

#define LOCKS 5000

static struct flock lock_at(int number)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2 * number, .l_len = 1 };
}

/* As a process finds it that has none of them. */
static int parent_holds_all(int fd)
{
	int i, held = 0, status;
	pid_t child = fork();

	if (child != 0)
		return child > 0 && waitpid(child, &status, 0) == child && status == 0;
	for (i = 0; i < LOCKS; i++) {
		struct flock l = lock_at(i);

		held += fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_WRLCK && l.l_pid == getppid();
	}
	_exit(held == LOCKS ? 0 : 1);
}

int main(int argc, char **argv)
{
	int fd, i;

	test_init(argc, argv);
	fd = open(filename, O_RDWR | O_CREAT, 0600);
	for (i = 0; i < LOCKS; i++) {
		struct flock l = lock_at(i);

		if (fcntl(fd, F_SETLK, &l)) {
			pr_perror("cannot lock");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	if (parent_holds_all(fd))
		pass();
	else
		fail("a lock is not there");
	return 0;
}
