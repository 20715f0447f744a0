// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where nothing is stored, restored memory reads as zeros. They are the kernel's own, of which nobody has to keep
 * count: they do not show in the task's resident memory, and two tasks that write to such memory at once do not
 * wait for each other.
 */
#include "case.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 16384, ROUNDS = 3 };
static const double MOST = 4; /* times what ordinary memory takes: a lock in common costs much more */

static void map_zeros(int op, uint64_t off)
{
	map(AREA, PAGES);
	madvise(AREA, PAGES * PAGE, MADV_NOHUGEPAGE);
	if (op != ORDINARY)
		must(restore(op, off, AREA, PAGES) == 0, "restore");
}

/* KiB that have become resident by reading. */
static long resident_zeros(int op, uint64_t off)
{
	map_zeros(op, off);
	long before = smaps_field(AREA, "Rss");
	for (size_t i = 1; i < PAGES; i++)
		(void)*(volatile char *)(AREA + i * PAGE);
	long after = smaps_field(AREA, "Rss");
	munmap(AREA, PAGES * PAGE);
	return after - before;
}

/* Seconds until two tasks have written to all of it. */
static double write_at_once(int op, uint64_t off)
{
	int ready[2], go[2];
	char byte = 'g';

	must(!pipe(ready) && !pipe(go), "pipe");
	fflush(stdout);
	for (int k = 0; k < 2; k++) {
		if (fork())
			continue;
		map_zeros(op, off);
		must(write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1, "the other");
		for (size_t i = 1; i < PAGES; i++)
			AREA[i * PAGE] = 1;
		_exit(write(ready[1], "f", 1) != 1);
	}
	must(read(ready[0], &byte, 1) == 1 && read(ready[0], &byte, 1) == 1, "two tasks");
	double start = seconds();
	must(write(go[1], "gg", 2) == 2, "two tasks");
	must(read(ready[0], &byte, 1) == 1 && read(ready[0], &byte, 1) == 1, "two tasks");
	double took = seconds() - start;
	while (wait(NULL) > 0)
		;
	for (int k = 0; k < 2; k++)
		close(ready[k]), close(go[k]);
	return took;
}

static double best_of(int op, uint64_t off)
{
	double best = write_at_once(op, off);

	for (int i = 1; i < ROUNDS; i++) {
		double took = write_at_once(op, off);

		best = took < best ? took : best;
	}
	return best;
}

int main(void)
{
	static const struct {
		const char *name;
		int op;
	} kinds[] = { { "RESTORE_ONE", RMFORK_OP_RESTORE_ONE },
		      { "RESTORE_LAZY", RMFORK_OP_RESTORE_LAZY } };
	uint64_t off;

	open_module();
	map(AREA, PAGES)[0] = 1;
	must(dump(getpid(), AREA, PAGES, &off) == 0, "DUMP");
	munmap(AREA, PAGES * PAGE);
	double ordinary = best_of(ORDINARY, off);
	printf("two tasks write to %d pages each: %.3f s\n", PAGES, ordinary);
	for (int k = 0; k < (has_lazy() ? 2 : 1); k++) {
		long resident = resident_zeros(kinds[k].op, off);
		double took = best_of(kinds[k].op, off);

		printf("%s: %.3f s, %ld KiB of zeros resident\n", kinds[k].name, took, resident);
		if (resident > 4)
			wrong("%ld KiB of zeros are resident after %s", resident, kinds[k].name);
		if (took > MOST * ordinary)
			wrong("%s takes %.1f times as long", kinds[k].name, took / ordinary);
	}
	must(free_snapshot(off) == 0, "FREE");
	return verdict();
}
