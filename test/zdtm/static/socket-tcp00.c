// SPDX-License-Identifier: GPL-2.0-only
/* A listening TCP socket. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int listening, client, server;
	char c;

	test_init(argc, argv);
	listening = socket(AF_INET, SOCK_STREAM, 0);
	if (listening < 0 || bind(listening, (struct sockaddr *)&addr, len) ||
	    listen(listening, 3) || getsockname(listening, (struct sockaddr *)&addr, &len)) {
		pr_perror("cannot listen");
		return 1;
	}

	test_daemon();
	test_waitsig();

	client = socket(AF_INET, SOCK_STREAM, 0);
	if (client < 0 || connect(client, (struct sockaddr *)&addr, len))
		fail_errno("cannot connect to port %d", ntohs(addr.sin_port));
	else if ((server = accept(listening, NULL, NULL)) < 0)
		fail_errno("cannot accept");
	else if (write(client, "x", 1) != 1 || read(server, &c, 1) != 1 || c != 'x')
		fail_errno("the connection does not work");
	else
		pass();
	return 0;
}
