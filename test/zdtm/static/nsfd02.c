// SPDX-License-Identifier: GPL-2.0-only
/* A descriptor of the time namespace that a task lives in, wherever it is restored to, in two processes. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int own;

static int is_own(void)
{
	struct stat is, was;

	return !stat("/proc/self/ns/time", &is) && !fstat(own, &was) && is.st_dev == was.st_dev && is.st_ino == was.st_ino;
}

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return !is_own();
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	own = open("/proc/self/ns/time", O_RDONLY);
	if (own < 0)
		skip("this kernel has no time namespaces");
	pid = start_child(child, NULL);
	if (pid < 0) {
		pr_perror("cannot make the child");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!is_own())
		fail("it is another");
	else if (finish_child(pid))
		fail("that of the child is another");
	else
		pass();
	return 0;
}
