// SPDX-License-Identifier: GPL-2.0-only
/* A descriptor of a process outside of the tree is refused. */
/* zdtm: expect="not-yet:which is outside of the tree" */
#include "zdtmtst.h"

#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (syscall(SYS_pidfd_open, 1, 0) < 0)
		skip("this kernel has no pidfd_open");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
