// SPDX-License-Identifier: GPL-2.0-only
/* A userfaultfd is refused by its name. */
/* zdtm: expect="not-yet:a userfaultfd" */
#include "zdtmtst.h"

#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (syscall(SYS_userfaultfd, 0) < 0)
		skip("this kernel has no userfaultfd");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
