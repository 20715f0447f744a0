// SPDX-License-Identifier: GPL-2.0-only
/* The same with --skip-in-flight: the connection is lost, the next one works. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* zdtm: opts="--tcp-established --skip-in-flight" */

int main(int argc, char **argv)
{
	int ends[2], listening, lost;
	struct pollfd pending;

	test_init(argc, argv);
	listening = tcp_listen(AF_INET, 4);
	lost = listening < 0 ? -1 : tcp_connect(listening, 0);
	if (lost < 0) {
		pr_perror("cannot connect");
		return 1;
	}

	test_daemon();
	test_waitsig();

	fcntl(listening, F_SETFL, O_NONBLOCK);
	pending = (struct pollfd){ .fd = listening, .events = POLLIN };
	if (accept(listening, NULL, NULL) >= 0 || errno != EAGAIN)
		fail_errno("what was in flight is there");
	/* Its last segment may be under way when connect(2) has returned. */
	else if ((ends[0] = tcp_connect(listening, 0)) < 0 || poll(&pending, 1, 5000) != 1 || (ends[1] = accept(listening, NULL, NULL)) < 0 ||
		 tcp_works(ends))
		fail_errno("the next connection does not work");
	else
		pass();
	return 0;
}
