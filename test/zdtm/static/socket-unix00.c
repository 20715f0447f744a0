// SPDX-License-Identifier: GPL-2.0-only
/* A pair of UNIX sockets with data. */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char buf[16];
	int s[2];

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) || write(s[0], "one", 3) != 3 ||
	    write(s[0], "second", 6) != 6) {
		pr_perror("socketpair");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read(s[1], buf, sizeof(buf)) != 3 || read(s[1], buf, sizeof(buf)) != 6)
		fail("the packets changed");
	else if (write(s[1], "back", 4) != 4 || read(s[0], buf, sizeof(buf)) != 4)
		fail("the sockets are not connected any more");
	else
		pass();
	return 0;
}
