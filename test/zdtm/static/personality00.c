// SPDX-License-Identifier: GPL-2.0-only
/* The personality, of a parent and of a child with another. */
#include "zdtmtst.h"

#include <sys/personality.h>

#define OF_PARENT (ADDR_NO_RANDOMIZE | WHOLE_SECONDS)
#define OF_CHILD  (SHORT_INODE | STICKY_TIMEOUTS)

static int child(void *arg)
{
	(void)arg;
	personality(OF_CHILD);
	child_ready();
	test_waitsig();
	if (personality(0xffffffff) != OF_CHILD) {
		fail("the child's is %#x", personality(0xffffffff));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	if (personality(OF_PARENT) < 0) {
		pr_perror("personality");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (personality(0xffffffff) != OF_PARENT)
		fail("the personality is %#x", personality(0xffffffff));
	else if (finish_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
