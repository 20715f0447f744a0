// SPDX-License-Identifier: GPL-2.0-only
/*
 * collapse-race [SECONDS]: a part of a huge page's place is restored again and again, while a huge page is being made
 * there of the rest: on a kernel that checks itself (CONFIG_DEBUG_VM), nothing but anonymous pages may be met.
 */
#include "case.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HALF = HUGE_PAGES / 2, SECONDS = 10, COLLAPSE = 25 /* MADV_COLLAPSE, Linux 6.1 */ };
#define LATTER (AREA + HALF * PAGE)

static atomic_bool over;
static unsigned collapsed;

static void *collapse(void *unused)
{
	(void)unused;
	while (!over)
		collapsed += madvise(AREA, HUGE, COLLAPSE) == 0;
	return NULL;
}

int main(int argc, char **argv)
{
	double until = seconds() + (argc > 1 ? atoi(argv[1]) : SECONDS);
	unsigned restored = 0, busy = 0;
	pthread_t other;

	open_module();
	uint64_t off = save_area(HUGE_PAGES);
	map(AREA, HUGE_PAGES);
	madvise(AREA, HUGE, MADV_HUGEPAGE);
	fill(AREA, HUGE_PAGES);
	if (madvise(AREA, HUGE, COLLAPSE) && errno == EINVAL)
		cannot("this kernel makes no huge pages on demand");
	must(pthread_create(&other, NULL, collapse, NULL) == 0, "a thread");
	while (seconds() < until) {
		madvise(LATTER, HALF * PAGE, MADV_DONTNEED);
		long ret = restore(RMFORK_OP_RESTORE_ONE, off, LATTER, HALF);

		/* There is a huge page already, with zeros. */
		if (ret == -EBUSY) {
			busy++;
			continue;
		}
		must(ret == 0, "RESTORE_ONE");
		restored++;
		size_t bad = count_wrong(AREA, HUGE_PAGES);

		if (bad)
			wrong("%zu pages after %u restores", bad, restored);
	}
	over = true;
	pthread_join(other, NULL);
	printf("%u restores, %u too late; MADV_COLLAPSE: %u times done\n", restored, busy, collapsed);
	if (!restored || !collapsed)
		wrong("the two have not met");
	munmap(AREA, HUGE);
	must(free_snapshot(off) == 0, "FREE");
	return verdict();
}
