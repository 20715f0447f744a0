// SPDX-License-Identifier: GPL-2.0-only
/* A TUN/TAP device is refused by its name. */
/* zdtm: expect="not-yet:a TUN/TAP device" */
#include "zdtmtst.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (open("/dev/net/tun", O_RDWR) < 0)
		skip("no /dev/net/tun here");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
