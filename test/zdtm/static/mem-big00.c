// SPDX-License-Identifier: GPL-2.0-only
/* 64 MiB of random private memory. */
#include "zdtmtst.h"

#include <sys/mman.h>

#define SIZE (64ul << 20)

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;
	char *mem;

	test_init(argc, argv);
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	datagen(mem, SIZE, &crc);

	test_daemon();
	test_waitsig();

	if (datachk(mem, SIZE, crc))
		fail("the contents changed");
	else
		pass();
	return 0;
}
