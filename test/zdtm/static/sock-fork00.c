// SPDX-License-Identifier: GPL-2.0-only
/* One socket in several tables under several numbers: options set by one show in all. */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <unistd.h>

static int pair[2], again;

static int child(void *arg)
{
	int value = 0;
	socklen_t len = sizeof(value);

	(void)arg;
	child_ready();
	test_waitsig();
	if (getsockopt(again, SOL_SOCKET, SO_PRIORITY, &value, &len) || value != 3)
		return 1;
	return write(again, "c", 1) != 1;
}

int main(int argc, char **argv)
{
	int priority = 3, status;
	pid_t pid;
	char c = 0;

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || (again = dup(pair[0])) < 0) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (setsockopt(pair[0], SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority))) {
		fail_errno("SO_PRIORITY");
		return 1;
	}
	status = finish_child(pid);
	if (status || read(pair[1], &c, 1) != 1 || c != 'c')
		fail("the child has another socket (%d)", status);
	else
		pass();
	return 0;
}
