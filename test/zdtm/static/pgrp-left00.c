// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process groups whose leaders live, and have left them for another: `first` for that of the test, and `second`,
 * which has led one as well, for the one that `first` has left.
 */
#include "zdtmtst.h"

#include <unistd.h>

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	pid_t own, first, second, third;

	test_init(argc, argv);
	own = getpgrp();
	first = start_child(child, NULL);
	second = start_child(child, NULL);
	third = start_child(child, NULL);
	if (first < 0 || second < 0 || third < 0) {
		pr_err("a child failed");
		return 1;
	}
	if (setpgid(first, first) || setpgid(second, second) || setpgid(third, second) || setpgid(second, first) ||
	    setpgid(first, own)) {
		pr_perror("setpgid");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getpgid(first) != own || getpgid(second) != first || getpgid(third) != second)
		fail("the groups are %d, %d and %d, were %d, %d and %d", getpgid(first), getpgid(second), getpgid(third), own,
		     first, second);
	else if (finish_child(first) || finish_child(second) || finish_child(third))
		fail("a child failed");
	else
		pass();
	return 0;
}
