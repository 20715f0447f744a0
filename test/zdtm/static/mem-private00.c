// SPDX-License-Identifier: GPL-2.0-only
/* Private memory with data in some pages only: what was there is there, holes read as zero. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 512

/* Runs of different lengths, single pages, and long gaps. */
static bool used(int page)
{
	return page == 0 || page == PAGES - 1 || (page % 7) < 2 || (page > 100 && page < 180);
}

int main(int argc, char **argv)
{
	static uint32_t crc[PAGES];
	size_t size = sysconf(_SC_PAGESIZE);
	char *mem;

	test_init(argc, argv);
	mem = mmap(NULL, PAGES * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	for (int i = 0; i < PAGES; i++) {
		crc[i] = CRC_INIT;
		if (used(i))
			datagen(mem + i * size, size, &crc[i]);
	}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < PAGES; i++) {
		static const char zero[65536];

		if (used(i) ? datachk(mem + i * size, size, crc[i]) :
			      memcmp(mem + i * size, zero, size)) {
			fail("page %d (%s) is wrong", i, used(i) ? "data" : "hole");
			return 1;
		}
	}
	memset(mem, 0x5a, PAGES * size);
	for (size_t i = 0; i < PAGES * size; i++) {
		if (mem[i] != 0x5a) {
			fail("byte %zu cannot be written", i);
			return 1;
		}
	}
	pass();
	return 0;
}
