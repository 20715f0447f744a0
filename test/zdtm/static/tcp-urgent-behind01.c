// SPDX-License-Identifier: GPL-2.0-only
/* Urgent data with more behind it than an older kernel shows, which is refused; the connection goes on with it. */
#include "zdtmtst.h"

#include <sys/socket.h>

/* zdtm: opts=--tcp-established expect="refuse:data stands behind urgent data" needs=no-tcp-peek-off */

int main(int argc, char **argv)
{
	int ends[2];
	char text[8] = "";

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || send(ends[0], "ab", 2, 0) != 2 || send(ends[0], "!", 1, MSG_OOB) != 1 ||
	    send(ends[0], "cd", 2, 0) != 2 || shutdown(ends[0], SHUT_WR) || wait_for_tcp_state(ends[1], CLOSE_WAIT)) {
		pr_perror("cannot make a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (recv(ends[1], text, 8, 0) != 2 || sockatmark(ends[1]) != 1 || recv(ends[1], text, 1, MSG_OOB) != 1 ||
	    *text != '!' || recv(ends[1], text, 8, 0) != 2 || memcmp(text, "cd", 2))
		fail_errno("'%s' comes", text);
	else
		pass();
	return 0;
}
