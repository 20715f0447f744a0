// SPDX-License-Identifier: GPL-2.0-only
/* Urgent data of a UNIX socket that was not read, which is refused; the socket goes on with it. */
#include "zdtmtst.h"

#include <sys/socket.h>

/* zdtm: expect="not-yet:urgent data" */

int main(int argc, char **argv)
{
	int ends[2];
	char text[8] = "", mark = 0;

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || send(ends[0], "ab", 2, 0) != 2 ||
	    send(ends[0], "!", 1, MSG_OOB) != 1 || send(ends[0], "cd", 2, 0) != 2) {
		pr_perror("cannot make a pair");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (recv(ends[1], &mark, 1, MSG_OOB) != 1 || mark != '!')
		fail_errno("the urgent byte is %d", mark);
	else if (recv(ends[1], text, 8, 0) != 2 || recv(ends[1], text + 2, 6, 0) != 2 || memcmp(text, "abcd", 4))
		fail_errno("'%s' is the rest", text);
	else
		pass();
	return 0;
}
