// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings across the boundaries of what one entry of a page table spans (2 MiB, 1 GiB, 512 GiB),
 * with contents on one side of them alone: a table that is missing says nothing about the next.
 */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 8

struct mapping {
	int shift;
	bool behind;
	char *filled, *empty;
	uint32_t crc;
};

static size_t size;

/* Nothing else lives in these 2 TiB, so that there are no tables but the mapping's own. */
static char *boundary(int i, int shift)
{
	return (char *)((0x200ul << 36) + ((unsigned long)i << 41) + (1ul << shift));
}

static int make(struct mapping *m, int i)
{
	static const int shifts[] = { 21, 30, 39 };
	int shift = shifts[i / 2];
	char *middle = boundary(i, shift), *start = middle - size;

	*m = (struct mapping){ .shift = shift, .behind = i % 2, .crc = CRC_INIT };
	if (mmap(start, 2 * size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != start)
		return -1;
	m->filled = m->behind ? middle : start;
	m->empty = m->behind ? start : middle;
	datagen(m->filled, size, &m->crc);
	return 0;
}

int main(int argc, char **argv)
{
	struct mapping maps[6];

	test_init(argc, argv);
	size = PAGES * sysconf(_SC_PAGESIZE);
	for (unsigned int i = 0; i < array_size(maps); i++) {
		if (make(&maps[i], i)) {
			pr_perror("cannot map across 2^%d", maps[i].shift);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (unsigned int i = 0; i < array_size(maps); i++) {
		struct mapping *m = &maps[i];

		if (datachk(m->filled, size, m->crc)) {
			fail("2^%d: the contents %s it changed", m->shift, m->behind ? "behind" : "before");
			return 1;
		}
		for (size_t k = 0; k < size; k++) {
			if (m->empty[k]) {
				fail("2^%d: byte %zu was never written", m->shift, k);
				return 1;
			}
		}
	}
	pass();
	return 0;
}
