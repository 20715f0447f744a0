// SPDX-License-Identifier: GPL-2.0-only
/* A multipath TCP socket is refused by its name. */
/* zdtm: expect="not-yet:a multipath TCP socket" */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */) < 0)
		skip("this kernel has no multipath TCP");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
