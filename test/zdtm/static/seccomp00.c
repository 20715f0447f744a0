// SPDX-License-Identifier: GPL-2.0-only
/* A task in the strict mode of seccomp: it reads and writes, and dies of anything else. */
#include "zdtmtst.h"

#include "seccomp.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ends[2];

static int strict(void *unused)
{
	char c;

	(void)unused;
	child_ready();
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 1;
	while (write(ends[1], "r", 1) == 1 && read(ends[1], &c, 1) == 1)
		if (c == 'k')
			syscall(SYS_getpid);
	return 2;
}

int main(int argc, char **argv)
{
	pid_t pid;
	char c;
	int end;

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends)) {
		pr_perror("socketpair");
		return 1;
	}
	pid = start_child(strict, NULL);
	if (pid < 0 || read(ends[0], &c, 1) != 1 || seccomp_mode_of(pid) != SECCOMP_MODE_STRICT) {
		pr_perror("no task in the strict mode");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (seccomp_mode_of(pid) != SECCOMP_MODE_STRICT)
		fail("the mode is %d", seccomp_mode_of(pid));
	else if (write(ends[0], "g", 1) != 1 || read(ends[0], &c, 1) != 1)
		fail_errno("it does not go on");
	else if (write(ends[0], "k", 1) != 1 || (end = reap_child(pid)) != 128 + SIGKILL)
		fail("it was not killed for another call");
	else
		pass();
	return 0;
}
