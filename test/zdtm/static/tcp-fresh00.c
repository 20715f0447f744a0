// SPDX-License-Identifier: GPL-2.0-only
/* TCP sockets that have no connection: new, bound to a port of the kernel's choice, bound and shut down. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, down_a = a, now;
	int new, bound, down, listening;
	socklen_t len = sizeof(a);
	char c;

	test_init(argc, argv);
	new = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bound = socket(AF_INET, SOCK_STREAM, 0);
	down = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	listening = tcp_listen(AF_INET, 3);
	if (new < 0 || bound < 0 || listening < 0 || bind(bound, (struct sockaddr *)&a, len) ||
	    getsockname(bound, (struct sockaddr *)&a, &len) || down < 0 || bind(down, (struct sockaddr *)&down_a, len) ||
	    getsockname(down, (struct sockaddr *)&down_a, &len) || shutdown(down, SHUT_RDWR) != -1 || errno != ENOTCONN) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	len = sizeof(now);
	if (getsockname(bound, (struct sockaddr *)&now, &len) || now.sin_port != a.sin_port)
		fail("the port is %d, not %d", ntohs(now.sin_port), ntohs(a.sin_port));
	else if (getsockname(down, (struct sockaddr *)&now, &len) || now.sin_port != down_a.sin_port ||
		 read(down, &c, 1) != 0)
		fail_errno("the one that was shut down has the port %d, not %d", ntohs(now.sin_port), ntohs(down_a.sin_port));
	else if (getsockname(listening, (struct sockaddr *)&now, &len) || connect(bound, (struct sockaddr *)&now, len))
		fail_errno("the bound one cannot connect");
	else if (connect(new, (struct sockaddr *)&now, len) != -1 || errno != EINPROGRESS)
		fail_errno("the new one does not connect");
	else if (accept(listening, NULL, NULL) < 0 || accept(listening, NULL, NULL) < 0)
		fail_errno("they are not accepted");
	else
		pass();
	return 0;
}
