// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection with --tcp-close: it comes back as one that has ended. */
#include "zdtmtst.h"

#include <sys/socket.h>

/* zdtm: opts=--tcp-close flags=norestart */

int main(int argc, char **argv)
{
	int ends[2], listening, more[2];
	char c;

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, &listening) || send(ends[0], "x", 1, 0) != 1) {
		pr_perror("cannot make a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (int end = 0; end < 2; end++)
		if (recv(ends[end], &c, 1, MSG_DONTWAIT))
			fail_errno("end %d has not ended", end);
		else if (send(ends[end], "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
			fail_errno("end %d can be sent to", end);
	if ((more[0] = tcp_connect(listening, 0)) < 0 || (more[1] = accept(listening, NULL, NULL)) < 0 ||
	    tcp_works(more))
		fail_errno("the next connection does not work");
	pass();
	return 0;
}
