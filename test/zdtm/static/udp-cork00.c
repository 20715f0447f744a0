// SPDX-License-Identifier: GPL-2.0-only
/* A datagram that is not whole yet (MSG_MORE) cannot be read back: it is refused. */
/* zdtm: expect="not-yet:waits to be sent" */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	char buf[16];
	int fd;

	test_init(argc, argv);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len) ||
	    connect(fd, (struct sockaddr *)&a, len) || send(fd, "one", 3, MSG_MORE) != 3) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (send(fd, "two", 3, 0) != 3 || recv(fd, buf, sizeof(buf), 0) != 6)
		fail("the first half is lost");
	else
		pass();
	return 0;
}
