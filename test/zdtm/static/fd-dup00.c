// SPDX-License-Identifier: GPL-2.0-only
/*
 * One open file description under several numbers and in two tasks shares its position; a
 * separate open of the same file does not.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

TEST_OPTION(filename, "file to open");

static int first;

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return lseek(first, 5000, SEEK_SET) != 5000;
}

static int check(const char *what, int fd, off_t want)
{
	off_t at = lseek(fd, 0, SEEK_CUR);

	if (at == want)
		return 0;
	fail("%s: position is %ld, wanted %ld", what, (long)at, (long)want);
	return 1;
}

int main(int argc, char **argv)
{
	int second, third, separate;
	pid_t pid;

	test_init(argc, argv);
	first = open(filename, O_RDWR | O_CREAT, 0600);
	second = dup(first);
	third = fcntl(first, F_DUPFD, 40);
	separate = open(filename, O_RDWR);
	if (first < 0 || second < 0 || third != 40 || separate < 0 ||
	    lseek(first, 100, SEEK_SET) != 100 || lseek(separate, 200, SEEK_SET) != 200) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (check("first", first, 100) || check("second", second, 100) ||
	    check("third", third, 100) || check("separate", separate, 200))
		return 1;
	lseek(first, 300, SEEK_SET);
	if (check("second after first moved", second, 300) ||
	    check("third after first moved", third, 300) ||
	    check("separate after first moved", separate, 200))
		return 1;
	if (finish_child(pid)) {
		fail("the child failed");
		return 1;
	}
	if (check("second after the child moved", second, 5000) ||
	    check("separate after the child moved", separate, 200))
		return 1;
	unlink(filename);
	pass();
	return 0;
}
