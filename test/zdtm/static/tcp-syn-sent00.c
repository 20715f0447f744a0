// SPDX-License-Identifier: GPL-2.0-only
/* A socket that connects: nobody has answered before the restore. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* zdtm: opts="--tcp-established --skip-in-flight" flags=norestart */

int main(int argc, char **argv)
{
	int listening, waiting[2], ends[2], error = -1;
	socklen_t len = sizeof(error);
	struct pollfd p = { .events = POLLOUT };

	test_init(argc, argv);
	/* Who would have to wait as a third one is not answered. */
	listening = tcp_listen(AF_INET, 0);
	if (listening < 0 || (waiting[0] = tcp_connect(listening, 0)) < 0 ||
	    (ends[0] = tcp_connect(listening, SOCK_NONBLOCK)) < 0) {
		pr_perror("cannot connect");
		return 1;
	}
	if (tcp_state(ends[0]) != SYN_SENT) {
		pr_err("the state is %d", tcp_state(ends[0]));
		return 1;
	}

	test_daemon();
	test_waitsig();

	p.fd = ends[0];
	if (poll(&p, 1, 20000) != 1 || getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &error, &len) || error)
		fail_errno("it does not connect: error %d", error);
	else if ((ends[1] = accept(listening, NULL, NULL)) < 0 || tcp_works(ends))
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
