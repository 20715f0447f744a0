// SPDX-License-Identifier: GPL-2.0-only
/* A mapping that grows downwards keeps what it has, and still grows. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 4

int main(int argc, char **argv)
{
	size_t size = sysconf(_SC_PAGESIZE);
	uint32_t crc = CRC_INIT;
	char *area, *mem;

	test_init(argc, argv);
	/* Room to grow, above the gap that the kernel keeps below such a mapping. */
	area = mmap(NULL, 1024 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || munmap(area, 1024 * size)) {
		pr_perror("mmap");
		return 1;
	}
	mem = mmap(area + 1000 * size, PAGES * size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	datagen(mem, PAGES * size, &crc);
	mem[-(long)size] = 'a';

	test_daemon();
	test_waitsig();

	if (datachk(mem, PAGES * size, crc))
		fail("the contents changed");
	else if (mem[-(long)size] != 'a')
		fail("the page it had grown by changed");
	else if (vma_has_flag(mem, "gd") != 1)
		fail("the mapping does not grow down any more");
	else {
		mem[-2 * (long)size] = 'b';
		mem[-3 * (long)size] = 'c';
		pass();
	}
	return 0;
}
