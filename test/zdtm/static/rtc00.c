// SPDX-License-Identifier: GPL-2.0-only
/* A real-time clock is refused by its name. */
/* zdtm: expect="not-yet:a real-time clock" */
#include "zdtmtst.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (open("/dev/rtc0", O_RDONLY) < 0)
		skip("no /dev/rtc0 here");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
