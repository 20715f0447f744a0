// SPDX-License-Identifier: GPL-2.0-only
/* A socket whose own other end is under way in it. */
#include "zdtmtst.h"

#include "rights.h"

#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int pair[2], own;
	char c;

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
		pr_perror("socketpair");
		return 1;
	}
	if (send_fds(pair[0], &pair[1], 1)) {
		pr_perror("sendmsg");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (receive_fds(pair[1], &own, 1, NULL)) {
		fail_errno("it does not come");
		return 1;
	}
	if (write(pair[0], "y", 1) != 1 || read(own, &c, 1) != 1 || c != 'y')
		fail_errno("it is another socket");
	else
		pass();
	return 0;
}
