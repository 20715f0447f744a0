// SPDX-License-Identifier: GPL-2.0-only
/*
 * A very large mapping without reservation and few pages in it, far apart: one TiB where the kernel tells which
 * they are (PAGEMAP_SCAN, Linux 6.7), else 16 GiB.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#define STEP (1ul << 30)

static unsigned long size_for_this_kernel(void)
{
	struct utsname names;
	int major = 0, minor = 0;

	if (uname(&names) == 0)
		sscanf(names.release, "%d.%d", &major, &minor);
	return major > 6 || (major == 6 && minor >= 7) ? 1ul << 40 : 16ul << 30;
}

int main(int argc, char **argv)
{
	volatile uint64_t *word;
	unsigned long size;
	char *mem;

	test_init(argc, argv);
	size = size_for_this_kernel();
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	/* No huge pages: small ones are the point. */
	if (madvise(mem, size, MADV_NOHUGEPAGE) && errno != EINVAL) {
		pr_perror("madvise");
		return 1;
	}
	for (unsigned long at = 0; at < size; at += STEP)
		*(uint64_t *)(mem + at) = at + 1;

	test_daemon();
	test_waitsig();

	if (vma_has_flag(mem, "nr") != 1) {
		fail("the mapping is with reservation now");
		return 1;
	}
	for (unsigned long at = 0; at < size; at += STEP) {
		word = (uint64_t *)(mem + at);
		if (*word != at + 1) {
			fail("at %#lx there is %#lx", at, *word);
			return 1;
		}
		word = (uint64_t *)(mem + at + STEP / 2);
		if (*word) {
			fail("at %#lx there is %#lx", at + STEP / 2, *word);
			return 1;
		}
	}
	pass();
	return 0;
}
