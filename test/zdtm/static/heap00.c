// SPDX-License-Identifier: GPL-2.0-only
/* The brk heap: its contents, its bounds, and that it can grow and shrink afterwards. */
#include "zdtmtst.h"

#include <unistd.h>

#define SIZE (1 << 20)

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;
	char *mem, *top;

	test_init(argc, argv);
	mem = sbrk(SIZE);
	if (mem == (char *)-1) {
		pr_perror("sbrk");
		return 1;
	}
	datagen(mem, SIZE, &crc);
	top = sbrk(0);

	test_daemon();
	test_waitsig();

	if (sbrk(0) != top)
		fail("the break is %p, was %p", sbrk(0), top);
	else if (datachk(mem, SIZE, crc))
		fail("the heap's contents changed");
	else if (sbrk(SIZE) != top)
		fail("the heap cannot grow in place");
	else if (top[0] || top[SIZE - 1])
		fail("new heap is not zero");
	else if (sbrk(-2 * SIZE) == (void *)-1 || sbrk(0) != mem)
		fail("the heap cannot shrink");
	else
		pass();
	return 0;
}
