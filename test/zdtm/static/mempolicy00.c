// SPDX-License-Identifier: GPL-2.0-only
/* A thread's NUMA memory policy. */
/* zdtm: expect=not-yet:"(set_mempolicy)" */
#include "zdtmtst.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long nodes = 1;
	int mode = -1;

	test_init(argc, argv);
	if (syscall(SYS_set_mempolicy, MPOL_PREFERRED, &nodes, 8 * sizeof(nodes)))
		skip("this kernel has no memory policies");

	test_daemon();
	test_waitsig();

	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, 0) || mode != MPOL_PREFERRED)
		fail("the mode is %d", mode);
	else
		pass();
	return 0;
}
