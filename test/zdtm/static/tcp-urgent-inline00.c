// SPDX-License-Identifier: GPL-2.0-only
/* Urgent data among the others (SO_OOBINLINE), which are not read: the mark, and the byte at it, stay. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

int main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLPRI };
	int ends[2], on = 1, off = 0;
	char text[8] = "", mark = 0;

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || setsockopt(ends[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) ||
	    send(ends[0], "!", 1, MSG_OOB) != 1 || send(ends[0], "cd", 2, 0) != 2) {
		pr_perror("cannot make a connection");
		return 1;
	}
	p.fd = ends[1];
	if (poll(&p, 1, 20000) != 1 || recv(ends[1], text, 3, MSG_PEEK | MSG_WAITALL) != 3) {
		pr_perror("no urgent data comes");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (poll(&p, 1, 0) != 1 || sockatmark(ends[1]) != 1)
		fail("the mark is not there");
	else if (recv(ends[1], &mark, 1, MSG_OOB) != -1 || errno != EINVAL)
		fail_errno("it comes out of its turn");
	else if (setsockopt(ends[1], SOL_SOCKET, SO_OOBINLINE, &off, sizeof(off)) ||
		 recv(ends[1], &mark, 1, MSG_OOB | MSG_PEEK) != 1 || mark != '!' ||
		 setsockopt(ends[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)))
		fail_errno("the urgent byte is %d", mark);
	else if (recv(ends[1], text, 8, 0) != 3 || memcmp(text, "!cd", 3) || sockatmark(ends[1]))
		fail_errno("'%s' comes", text);
	else if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
