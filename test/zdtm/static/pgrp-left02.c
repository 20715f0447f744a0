// SPDX-License-Identifier: GPL-2.0-only
/* Two processes that have led groups, and are in each other's now: who was in one of them meanwhile has ended. */
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
	pid_t first, second, third;

	test_init(argc, argv);
	first = start_child(child, NULL);
	second = start_child(child, NULL);
	third = start_child(child, NULL);
	if (first < 0 || second < 0 || third < 0) {
		pr_err("a child failed");
		return 1;
	}
	if (setpgid(first, first) || setpgid(second, second) || setpgid(third, first) || setpgid(first, second) ||
	    setpgid(second, first)) {
		pr_perror("setpgid");
		return 1;
	}
	if (finish_child(third)) {
		pr_err("a child failed");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getpgid(first) != second || getpgid(second) != first)
		fail("the groups are %d and %d, were %d and %d", getpgid(first), getpgid(second), second, first);
	else if (finish_child(first) || finish_child(second))
		fail("a child failed");
	else
		pass();
	return 0;
}
