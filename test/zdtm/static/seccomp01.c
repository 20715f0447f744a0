// SPDX-License-Identifier: GPL-2.0-only
/* A filter of seccomp that a child has inherited, with one of its own behind it. */
#include "zdtmtst.h"

#include "seccomp.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool answers(int nr, int err)
{
	errno = 0;
	return syscall(nr) == -1 && errno == err;
}

static int child(void *unused)
{
	(void)unused;
	if (filter_call(SYS_getpgrp, SECCOMP_RET_ERRNO | ERANGE))
		return 1;
	child_ready();
	test_waitsig();
	if (!answers(SYS_getppid, EDOM))
		return 2;
	if (!answers(SYS_getpgrp, ERANGE))
		return 3;
	return seccomp_filters_of(getpid()) == 2 ? 0 : 4;
}

int main(int argc, char **argv)
{
	pid_t pid;
	int end;

	test_init(argc, argv);
	if (filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EDOM)) {
		pr_perror("no filter");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0) {
		pr_perror("no child");
		return 1;
	}

	test_daemon();
	test_waitsig();

	end = finish_child(pid);
	if (!answers(SYS_getppid, EDOM))
		fail_errno("the filter is gone");
	else if (syscall(SYS_getpgrp) < 0)
		fail_errno("the child's filter came to its parent");
	else if (seccomp_filters_of(getpid()) != 1)
		fail("%d filters", seccomp_filters_of(getpid()));
	else if (end)
		fail("the child: %d", end);
	else
		pass();
	return 0;
}
