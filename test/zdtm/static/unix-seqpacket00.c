// SPDX-License-Identifier: GPL-2.0-only
/* A SOCK_SEQPACKET server with a name: messages that wait keep their bounds, also long ones, and both ends go on. */
#include "zdtmtst.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(filename, "the socket");

static const size_t sizes[] = { 1, 100, 5000, 40000, 7 };

int main(int argc, char **argv)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int listening, client, server;
	char *buf = malloc(65536);
	size_t i;
	ssize_t n;

	test_init(argc, argv);
	strncpy(name.sun_path, filename, sizeof(name.sun_path) - 1);
	listening = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (!buf || listening < 0 || bind(listening, (struct sockaddr *)&name, sizeof(name)) || listen(listening, 1) ||
	    connect(client, (struct sockaddr *)&name, sizeof(name)) || (server = accept(listening, NULL, NULL)) < 0) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < array_size(sizes); i++) {
		memset(buf, 'a' + i, sizes[i]);
		if (send(client, buf, sizes[i], 0) != (ssize_t)sizes[i]) {
			pr_perror("send");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(sizes); i++) {
		n = recv(server, buf, 65536, MSG_DONTWAIT);
		if (n != (ssize_t)sizes[i] || buf[0] != (char)('a' + i) || buf[n - 1] != buf[0]) {
			fail_errno("message %zu has %zd bytes", i, n);
			return 1;
		}
	}
	if (recv(server, buf, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
		fail("there is one more");
	else if (send(server, "back", 4, 0) != 4 || recv(client, buf, 2, MSG_DONTWAIT) != 2 ||
		 recv(client, buf, 2, MSG_DONTWAIT) != -1)
		fail("what does not fit is not thrown away");
	else
		pass();
	return 0;
}
