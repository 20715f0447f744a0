// SPDX-License-Identifier: GPL-2.0-only
/* A corked TCP connection: what is held back stays so until the cork is taken out. */
#include "zdtmtst.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* zdtm: opts=--tcp-established */

int main(int argc, char **argv)
{
	int ends[2], on = 1, off = 0, unsent = 0;
	char text[8] = "";

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, NULL) || setsockopt(ends[0], IPPROTO_TCP, TCP_CORK, &on, sizeof(on))) {
		pr_perror("cannot make a connection");
		return 1;
	}

	test_daemon();
	test_waitsig();

	/* The kernel holds it back for 200 ms: tcp(7). */
	if (send(ends[0], "cork", 4, 0) != 4 || ioctl(ends[0], SIOCOUTQNSD, &unsent))
		fail_errno("cannot send");
	else if (unsent != 4)
		fail("%d bytes are held back, not 4", unsent);
	else if (setsockopt(ends[0], IPPROTO_TCP, TCP_CORK, &off, sizeof(off)) || recv(ends[1], text, 8, 0) != 4)
		fail_errno("nothing comes without the cork");
	else
		pass();
	return 0;
}
