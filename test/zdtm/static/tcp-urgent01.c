// SPDX-License-Identifier: GPL-2.0-only
/* Urgent data that was read out of its turn, with its mark still ahead, which is refused; the connection goes on with it. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established expect="refuse:urgent data" */

int main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLPRI };
	int ends[2];
	char text[8] = "", mark = 0;

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || send(ends[0], "!", 1, MSG_OOB) != 1) {
		pr_perror("cannot make a connection");
		return 1;
	}
	p.fd = ends[1];
	if (poll(&p, 1, 20000) != 1 || recv(ends[1], &mark, 1, MSG_OOB) != 1 || mark != '!') {
		pr_perror("no urgent data comes");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (send(ends[0], "ab", 2, 0) != 2 || recv(ends[1], text, 2, MSG_WAITALL) != 2 || memcmp(text, "ab", 2))
		fail_errno("'%s' comes behind it", text);
	else if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
