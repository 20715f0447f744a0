// SPDX-License-Identifier: GPL-2.0-only
/*
 * A part of a huge page is given up, and restored lazily in the same place. Then the kernel splits what is left of the
 * huge page, which gives up nothing.
 */
#include "case.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FROM = 64, PART = 64 };

int main(void)
{
	uint64_t off;

	open_module();
	need_lazy();
	for (int split = 0; split < 2; split++) {
		map(AREA, HUGE_PAGES);
		madvise(AREA, HUGE, MADV_HUGEPAGE);
		fill(AREA, HUGE_PAGES);
		if (smaps_field(AREA, "AnonHugePages") != HUGE >> 10)
			cannot("no huge page is to be had");
		must(dump(getpid(), AREA + FROM * PAGE, PART, &off) == 0, "DUMP");
		madvise(AREA + FROM * PAGE, PART * PAGE, MADV_DONTNEED);
		must(restore(RMFORK_OP_RESTORE_LAZY, off, AREA + FROM * PAGE, PART) == 0, "RESTORE_LAZY");
		if (split)
			must(write_text("/proc/sys/vm/drop_caches", "2"), "drop_caches");
		size_t lost = count_wrong(AREA, HUGE_PAGES);
		printf("%s: %zu of %d pages are wrong\n", split ? "split" : "left alone", lost,
		       HUGE_PAGES);
		if (lost)
			wrong("%zu pages", lost);
		munmap(AREA, HUGE);
		must(free_snapshot(off) == 0, "FREE");
	}
	return verdict();
}
