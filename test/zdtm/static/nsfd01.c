// SPDX-License-Identifier: GPL-2.0-only
/* A descriptor of a namespace that no task of the tree lives in is refused. */
/* zdtm: expect="not-yet:a namespace that the tree does not live in" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int own = open("/proc/self/ns/uts", O_RDONLY);

	test_init(argc, argv);
	if (own < 0 || unshare(CLONE_NEWUTS) || open("/proc/self/ns/uts", O_RDONLY) < 0 || setns(own, CLONE_NEWUTS)) {
		pr_perror("cannot set up");
		return 1;
	}
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
