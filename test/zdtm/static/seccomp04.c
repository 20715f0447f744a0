// SPDX-License-Identifier: GPL-2.0-only
/* A filter that kills for all but what a worker needs: also for what a dump does in its place. */
#include "zdtmtst.h"

#include "seccomp.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ends[2];

static int worker(void *unused)
{
	char c;

	(void)unused;
	child_ready();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || filter_all_else())
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

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends)) {
		pr_perror("socketpair");
		return 1;
	}
	pid = start_child(worker, NULL);
	if (pid < 0 || read(ends[0], &c, 1) != 1 || seccomp_filters_of(pid) != 1) {
		pr_perror("no worker");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (write(ends[0], "g", 1) != 1 || read(ends[0], &c, 1) != 1)
		fail_errno("it does not go on");
	else if (write(ends[0], "k", 1) != 1 || reap_child(pid) != 128 + SIGSYS)
		fail("it was not killed for another call");
	else
		pass();
	return 0;
}
