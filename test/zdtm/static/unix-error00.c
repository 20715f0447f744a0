// SPDX-License-Identifier: GPL-2.0-only
/*
 * A SOCK_SEQPACKET socket with messages to be read, whose peer has gone without reading all: the next call fails once,
 * before them. To look at them would take the error, so the dump is refused, and the error is still there.
 */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <unistd.h>

/* zdtm: expect="not-yet:an error waits to be told" */

int main(int argc, char **argv)
{
	int ends[2];
	char text[8] = "";

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) || send(ends[0], "unread", 6, 0) != 6 ||
	    send(ends[1], "one", 3, 0) != 3 || send(ends[1], "two", 3, 0) != 3 || close(ends[1])) {
		pr_perror("cannot make a pair");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (recv(ends[0], text, sizeof(text), 0) != -1 || errno != ECONNRESET)
		fail_errno("it is not told that the peer has not read all: '%s'", text);
	else if (recv(ends[0], text, sizeof(text), 0) != 3 || memcmp(text, "one", 3) ||
		 recv(ends[0], text, sizeof(text), 0) != 3 || memcmp(text, "two", 3) || recv(ends[0], text, 1, 0) != 0)
		fail_errno("'%s' stands where the messages were", text);
	else
		pass();
	return 0;
}
