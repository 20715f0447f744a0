// SPDX-License-Identifier: GPL-2.0-only
/*
 * A filter that was set with privileges which are gone since: it takes CAP_SYS_ADMIN where
 * new privileges can still be had (seccomp(2)).
 */
#include "zdtmtst.h"

#include "seccomp.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

static int unprivileged(void *unused)
{
	char before[64], after[64];

	(void)unused;
	if (filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EDOM) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) ||
	    proc_field("/proc/self/status", "CapPrm", before, sizeof(before)))
		return 1;
	child_ready();
	test_waitsig();

	errno = 0;
	if (syscall(SYS_getppid) != -1 || errno != EDOM)
		fail_errno("the filter is gone");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		fail("no new privileges can be had any more");
	if (proc_field("/proc/self/status", "CapPrm", after, sizeof(after)) || strcmp(before, after))
		fail("capabilities: %s before, %s now", before, after);
	if (proc_field("/proc/self/status", "CapEff", after, sizeof(after)) || strcmp(before, after))
		fail("effective capabilities: %s", after);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;
	int end;

	test_init(argc, argv);
	pid = start_child(unprivileged, NULL);
	if (pid < 0) {
		pr_perror("no child with a filter");
		return 1;
	}

	test_daemon();
	test_waitsig();

	end = finish_child(pid);
	if (end)
		fail("the child: %d", end);
	else
		pass();
	return 0;
}
