// SPDX-License-Identifier: GPL-2.0-only
/* Urgent data that was not read, which stands behind ordinary data: it is told of once, comes out of its turn, and reading stops at its mark. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* zdtm: opts=--tcp-established */

static volatile sig_atomic_t told;

static void on_urgent(int signal)
{
	(void)signal;
	told++;
}

int main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLPRI };
	int ends[2];
	char text[8] = "", mark = 0;

	test_init(argc, argv);
	signal(SIGURG, on_urgent);
	if (tcp_pair(AF_INET, ends, NULL) || fcntl(ends[1], F_SETOWN, getpid()) || send(ends[0], "ab", 2, 0) != 2 ||
	    send(ends[0], "!", 1, MSG_OOB) != 1) {
		pr_perror("cannot make a connection");
		return 1;
	}
	p.fd = ends[1];
	if (poll(&p, 1, 20000) != 1 || told != 1) {
		pr_perror("urgent data is told of %d times", told);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (told != 1)
		fail("it is told of once more");
	else if (poll(&p, 1, 0) != 1 || p.revents != POLLPRI)
		fail("poll() tells %#x", p.revents);
	else if (recv(ends[1], &mark, 1, MSG_OOB) != 1 || mark != '!')
		fail_errno("the urgent byte is %d", mark);
	else if (sockatmark(ends[1]) || recv(ends[1], text, 8, 0) != 2 || memcmp(text, "ab", 2))
		fail_errno("the others are not there");
	else if (sockatmark(ends[1]) != 1 || recv(ends[1], text, 8, MSG_DONTWAIT) != -1)
		fail("the mark is not there");
	else if (send(ends[0], "?", 1, MSG_OOB) != 1 || poll(&p, 1, 20000) != 1 || recv(ends[1], &mark, 1, MSG_OOB) != 1 ||
		 mark != '?' || told != 2)
		fail_errno("the next urgent data is told of %d times", told - 1);
	else if (tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
