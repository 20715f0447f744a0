// SPDX-License-Identifier: GPL-2.0-only
/* A vsock socket is refused by its name. */
/* zdtm: expect="not-yet:a vsock socket" */
#include "zdtmtst.h"

#include <sys/socket.h>

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (socket(AF_VSOCK, SOCK_STREAM, 0) < 0)
		skip("this kernel has no vsock sockets");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
