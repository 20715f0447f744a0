// SPDX-License-Identifier: GPL-2.0-only
/* A FUSE connection is refused by its name. */
/* zdtm: expect="not-yet:a FUSE connection" */
#include "zdtmtst.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (open("/dev/fuse", O_RDWR) < 0)
		skip("no /dev/fuse here");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
