// SPDX-License-Identifier: GPL-2.0-only
/* A mapping that is sealed (mseal(2)). */
/* zdtm: expect=not-yet:"(mseal)" */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

int main(int argc, char **argv)
{
	void *p;

	test_init(argc, argv);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	if (syscall(SYS_mseal, p, 4096, 0))
		skip("this kernel has no mseal");

	test_daemon();
	test_waitsig();

	if (munmap(p, 4096) == 0 || errno != EPERM)
		fail("the mapping is not sealed");
	else
		pass();
	return 0;
}
