// SPDX-License-Identifier: GPL-2.0-only
/* PR_SET_MEMORY_MERGE: all memory may be merged, also what is mapped later; one mapping may not. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

static char *map(int prot)
{
	return mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(int argc, char **argv)
{
	char *yes, *no, *later;

	test_init(argc, argv);
	yes = map(PROT_READ);
	no = map(PROT_READ | PROT_WRITE);
	if (yes == MAP_FAILED || no == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0))
		skip("this kernel has no PR_SET_MEMORY_MERGE");
	if (madvise(no, 4096, MADV_UNMERGEABLE)) {
		pr_perror("madvise");
		return 1;
	}

	test_daemon();
	test_waitsig();

	later = map(PROT_READ);
	if (prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) != 1)
		fail("PR_GET_MEMORY_MERGE gives %d", prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0));
	else if (vma_has_flag(yes, "mg") != 1 || vma_has_flag(no, "mg") != 0)
		fail("the mappings have changed");
	else if (later == MAP_FAILED || vma_has_flag(later, "mg") != 1)
		fail("a new mapping is not to be merged");
	else
		pass();
	return 0;
}
