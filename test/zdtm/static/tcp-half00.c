// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection that one end has shut down: FIN-WAIT-2 and CLOSE-WAIT, with data that was not read. */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <unistd.h>

/* zdtm: opts=--tcp-established */

#ifndef FAMILY
#define FAMILY AF_INET
#endif

int main(int argc, char **argv)
{
	int ends[2];
	char text[8] = "";

	test_init(argc, argv);
	if (tcp_pair(FAMILY, ends, NULL) || send(ends[0], "last", 4, 0) != 4 || shutdown(ends[0], SHUT_WR) ||
	    wait_for_tcp_state(ends[0], FIN_WAIT2) || wait_for_tcp_state(ends[1], CLOSE_WAIT)) {
		pr_perror("cannot make such a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (tcp_state(ends[0]) != FIN_WAIT2 || tcp_state(ends[1]) != CLOSE_WAIT)
		fail("the states are %d and %d", tcp_state(ends[0]), tcp_state(ends[1]));
	else if (recv(ends[1], text, sizeof(text), MSG_DONTWAIT) != 4 || memcmp(text, "last", 4))
		fail_errno("what was sent is not there");
	else if (recv(ends[1], text, sizeof(text), MSG_DONTWAIT))
		fail_errno("the end does not show");
	else if (send(ends[0], "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
		fail_errno("what was shut down can be sent to");
	else if (send(ends[1], "answer", 6, MSG_NOSIGNAL) != 6 || recv(ends[0], text, 8, 0) != 6)
		fail_errno("nothing comes back");
	else if (close(ends[1]) || recv(ends[0], text, 8, 0))
		fail_errno("the other end does not end");
	else
		pass();
	return 0;
}
