// SPDX-License-Identifier: GPL-2.0-only
/* A connection that was not accepted, which is refused. */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <unistd.h>

/* zdtm: opts=--tcp-established expect="refuse:wait to be accepted" */

int main(int argc, char **argv)
{
	int ends[2], listening;

	test_init(argc, argv);
	listening = tcp_listen(AF_INET, 4);
	ends[0] = listening < 0 ? -1 : tcp_connect(listening, 0);
	if (ends[0] < 0) {
		pr_perror("cannot connect");
		return 1;
	}

	test_daemon();
	test_waitsig();

	ends[1] = accept(listening, NULL, NULL);
	if (ends[1] < 0 || tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
