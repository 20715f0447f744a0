// SPDX-License-Identifier: GPL-2.0-only
/* An io_uring is refused by its name. */
/* zdtm: expect="not-yet:an io_uring" */
#include "zdtmtst.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct io_uring_params params;

	test_init(argc, argv);
	memset(&params, 0, sizeof(params));
	if (syscall(SYS_io_uring_setup, 4, &params) < 0)
		skip("this kernel has no io_uring");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
