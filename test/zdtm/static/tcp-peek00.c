// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection whose reader looks ahead, from a place of its own (SO_PEEK_OFF). */
#include "zdtmtst.h"

#include <sys/socket.h>

/* zdtm: opts=--tcp-established needs=tcp-peek-off */

int main(int argc, char **argv)
{
	socklen_t len = sizeof(int);
	int ends[2], off = 3;
	char text[8] = "";

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || send(ends[0], "abcdef", 6, 0) != 6 ||
	    recv(ends[1], text, 6, MSG_PEEK | MSG_WAITALL) != 6 ||
	    setsockopt(ends[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off))) {
		pr_perror("cannot make a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getsockopt(ends[1], SOL_SOCKET, SO_PEEK_OFF, &off, &len) || off != 3)
		fail_errno("it looks from %d on", off);
	else if (recv(ends[1], text, 2, MSG_PEEK) != 2 || memcmp(text, "de", 2))
		fail_errno("'%s' is there", text);
	else if (recv(ends[1], text, 2, MSG_PEEK) != 1 || *text != 'f')
		fail_errno("'%s' is next", text);
	else if (recv(ends[1], text, 8, 0) != 6 || memcmp(text, "abcdef", 6))
		fail_errno("'%s' was sent", text);
	else if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
