// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection with both ends in the tree, data on its way in both directions. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* zdtm: opts=--tcp-established */

#ifndef FAMILY
#define FAMILY AF_INET
#endif

int main(int argc, char **argv)
{
	int ends[2], listening;
	char text[8] = "";

	test_init(argc, argv);
	if (tcp_pair(FAMILY, ends, &listening) || send(ends[0], "to", 2, 0) != 2 ||
	    send(ends[1], "back", 4, 0) != 4) {
		pr_perror("cannot make a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (recv(ends[1], text, sizeof(text), MSG_DONTWAIT) != 2 || memcmp(text, "to", 2))
		fail_errno("what was sent to the accepted end is not there: %s", text);
	else if (recv(ends[0], text, sizeof(text), MSG_DONTWAIT) != 4 || memcmp(text, "back", 4))
		fail_errno("what was sent back is not there: %s", text);
	else if (tcp_works(ends))
		fail_errno("the connection does not work");
	else if (close(ends[0]) || recv(ends[1], text, 1, 0))
		fail_errno("the end of the connection does not come");
	else
		pass();
	return 0;
}
