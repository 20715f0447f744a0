// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection, which is refused unless it is asked for. */
#include "zdtmtst.h"

#include <sys/socket.h>

/* zdtm: expect="refuse:a TCP connection" */

int main(int argc, char **argv)
{
	int ends[2];

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL)) {
		pr_perror("cannot make a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
