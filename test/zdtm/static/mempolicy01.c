// SPDX-License-Identifier: GPL-2.0-only
/* The NUMA memory policy of one mapping. */
/* zdtm: expect=not-yet:"(mbind)" */
#include "zdtmtst.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long nodes = 1;
	int mode = -1;
	void *p;

	test_init(argc, argv);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	if (syscall(SYS_mbind, p, 8192, MPOL_BIND, &nodes, 8 * sizeof(nodes), 0))
		skip("this kernel has no memory policies");

	test_daemon();
	test_waitsig();

	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, p, MPOL_F_ADDR) || mode != MPOL_BIND)
		fail("the mode is %d", mode);
	else
		pass();
	return 0;
}
