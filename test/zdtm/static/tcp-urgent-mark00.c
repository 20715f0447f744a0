// SPDX-License-Identifier: GPL-2.0-only
/* Urgent data that was read out of its turn, whose mark the reader has come to and not passed, with data behind it. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

int main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLPRI };
	int ends[2];
	char text[8] = "", mark = 0;

	test_init(argc, argv);
	if (tcp_pair(AF_INET6, ends, NULL) || send(ends[0], "ab", 2, 0) != 2 || send(ends[0], "!", 1, MSG_OOB) != 1 ||
	    send(ends[0], "cd", 2, 0) != 2) {
		pr_perror("cannot make a connection");
		return 1;
	}
	p.fd = ends[1];
	if (poll(&p, 1, 20000) != 1 || recv(ends[1], &mark, 1, MSG_OOB) != 1 || mark != '!' ||
	    recv(ends[1], text, 8, 0) != 2 || recv(ends[1], text, 2, MSG_PEEK | MSG_WAITALL) != 2) {
		pr_perror("no urgent data comes");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (poll(&p, 1, 0) || recv(ends[1], &mark, 1, MSG_OOB) != -1 || errno != EINVAL)
		fail_errno("what was read comes once more");
	else if (sockatmark(ends[1]) != 1)
		fail("the mark is not there");
	else if (recv(ends[1], text, 8, 0) != 2 || memcmp(text, "cd", 2) || sockatmark(ends[1]))
		fail_errno("'%s' comes behind it", text);
	else if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
