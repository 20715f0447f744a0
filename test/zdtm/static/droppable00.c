// SPDX-License-Identifier: GPL-2.0-only
/* Memory that the kernel may drop when it runs short (MAP_DROPPABLE). */
/* zdtm: expect=not-yet:"droppable memory" */
#include "zdtmtst.h"

#include <sys/mman.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif

int main(int argc, char **argv)
{
	void *p;

	test_init(argc, argv);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		skip("this kernel has no MAP_DROPPABLE");

	test_daemon();
	test_waitsig();

	if (vma_has_flag(p, "dp") != 1)
		fail("the mapping is an ordinary one");
	else
		pass();
	return 0;
}
