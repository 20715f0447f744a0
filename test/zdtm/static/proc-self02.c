// SPDX-License-Identifier: GPL-2.0-only
/* A file of /proc that belongs to the task, and is under way in a socket: what is there is opened before the task is. */
/* zdtm: expect="not-yet:under way in a socket, a file of a process" */
#include "zdtmtst.h"

#include "rights.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int pair[2], status;

	test_init(argc, argv);
	status = open("/proc/self/status", O_RDONLY);
	if (status < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || send_fds(pair[0], &status, 1)) {
		pr_perror("cannot send a file of /proc");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (receive_fds(pair[1], &status, 1, NULL))
		fail_errno("it does not come");
	else
		pass();
	return 0;
}
