// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where nothing is stored, restored memory reads as zeros. They are the kernel's own page, of which nobody has to
 * keep count: they do not show in the task's resident memory, and tasks that write to such memory at once have no
 * page in common whose lock they would wait for.
 */
#include "case.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 16384 };

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

/* The frame of the page at `at`, as root reads it from /proc/self/pagemap. */
static uint64_t frame_of(const char *at)
{
	uint64_t entry;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	must(fd >= 0 && pread(fd, &entry, sizeof(entry), (uintptr_t)at / PAGE * sizeof(entry)) == sizeof(entry),
	     "/proc/self/pagemap");
	close(fd);
	must(entry >> 63 && (entry & ((1ULL << 55) - 1)), "the page's frame");
	return entry & ((1ULL << 55) - 1);
}

/* The frame of a page of zeros that was only read. */
static uint64_t frame_of_zeros(int op, uint64_t off)
{
	map_zeros(op, off);
	(void)*(volatile char *)(AREA + PAGE);
	uint64_t frame = frame_of(AREA + PAGE);
	munmap(AREA, PAGES * PAGE);
	return frame;
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
	uint64_t kernels_own = frame_of_zeros(ORDINARY, off);
	for (int k = 0; k < (has_lazy() ? 2 : 1); k++) {
		long resident = resident_zeros(kinds[k].op, off);

		printf("%s: %ld KiB of zeros resident\n", kinds[k].name, resident);
		if (frame_of_zeros(kinds[k].op, off) != kernels_own)
			wrong("zeros after %s are not the kernel's own page", kinds[k].name);
		if (resident > 4)
			wrong("%ld KiB of zeros are resident after %s", resident, kinds[k].name);
	}
	must(free_snapshot(off) == 0, "FREE");
	return verdict();
}
