// SPDX-License-Identifier: GPL-2.0-only
/* /proc/self/oom_score_adj, of a parent and of a child with another. */
#include "zdtmtst.h"

#include <stdlib.h>

static int check(const char *who, int want)
{
	char buf[32] = "";

	if (read_file("/proc/self/oom_score_adj", buf, sizeof(buf)) > 0 && atoi(buf) == want)
		return 0;
	fail("%s: %s, wanted %d", who, buf, want);
	return 1;
}

static int child(void *arg)
{
	(void)arg;
	if (write_file("/proc/self/oom_score_adj", "321"))
		return 1;
	child_ready();
	test_waitsig();
	return check("the child", 321);
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	if (write_file("/proc/self/oom_score_adj", "123")) {
		pr_perror("cannot write");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (check("the parent", 123))
		return 1;
	if (finish_child(pid)) {
		fail("the child failed");
		return 1;
	}
	pass();
	return 0;
}
