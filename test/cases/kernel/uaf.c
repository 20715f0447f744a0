// SPDX-License-Identifier: GPL-2.0-only
/*
 * uaf [ROUNDS]: for a minute or so many rounds, lazily restored memory, half of it written, is reclaimed by one thread while another settles it, at
 * any moment of it. Reclaim looks into the mapping without the mmap lock.
 */
#include "case.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGES = 512, ROUNDS = 1000, SECONDS = 60 };
#define GROUP "/sys/fs/cgroup/rmfork-case"
static const double LONGEST = 0.05; /* seconds of a reclaim that are aimed at */

static atomic_uint turn, done;
static atomic_bool over;
static volatile double took = 0.005;

static void *reclaim(void *group)
{
	unsigned seen = 0;

	while (!over) {
		if (turn == seen) {
			sched_yield();
			continue;
		}
		seen = turn;
		double start = seconds();
		write_text(group, "256K");
		took = seconds() - start;
		done = seen;
	}
	return NULL;
}

static void wait_a_part_of(unsigned random)
{
	double longest = took < LONGEST ? took : LONGEST;
	double until = seconds() + longest * 1.1 * (random % 1000) / 1000;

	while (seconds() < until)
		;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? atoi(argv[1]) : ROUNDS, seed = 1;
	char pid[32];
	pthread_t thread;

	open_module();
	need_lazy();
	uint64_t off = save_area(PAGES);
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!write_text(GROUP "/cgroup.procs", pid) || access(GROUP "/memory.reclaim", W_OK))
		cannot("no memory.reclaim here");
	pthread_create(&thread, NULL, reclaim, GROUP "/memory.reclaim");
	double end = seconds() + SECONDS;
	unsigned i = 0;
	while (i < rounds && seconds() < end) {
		i++;
		map(AREA, PAGES);
		must(restore(RMFORK_OP_RESTORE_LAZY, off, AREA, PAGES) == 0, "RESTORE_LAZY");
		for (size_t page = 0; page < PAGES; page += 2)
			AREA[page * PAGE + 100] = 1;
		/* Reclaimed at once, and not only when nobody has touched it for long. */
		madvise(AREA, PAGES * PAGE, MADV_COLD);
		turn = i;
		seed = seed * 1103515245 + 12345;
		wait_a_part_of(seed >> 8);
		must(settle(getpid()) == 0, "SETTLE");
		while (done != i)
			sched_yield();
		if (count_wrong(AREA, PAGES))
			wrong("%zu of %d pages in round %u", count_wrong(AREA, PAGES), PAGES, i);
		munmap(AREA, PAGES * PAGE);
	}
	over = true;
	pthread_join(thread, NULL);
	printf("%u rounds, the last reclaim took %.1f ms\n", i, took * 1e3);
	free_snapshot(off);
	write_text("/sys/fs/cgroup/cgroup.procs", pid);
	rmdir(GROUP);
	return verdict();
}
