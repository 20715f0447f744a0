// SPDX-License-Identifier: GPL-2.0-only
/* Locked memory stays locked, memory beside it does not become so. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = sysconf(_SC_PAGESIZE) * 4;
	uint32_t crc = CRC_INIT;
	char *mem, *other;

	test_init(argc, argv);
	mem = mmap(NULL, 3 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (mem == MAP_FAILED || other == MAP_FAILED || mlock(mem + size, size)) {
		pr_perror("mlock");
		return 1;
	}
	datagen(mem, 3 * size, &crc);

	test_daemon();
	test_waitsig();

	if (vma_has_flag(mem + size, "lo") != 1 || vma_has_flag(other, "lo") != 1)
		fail("locked memory is not locked any more");
	else if (vma_has_flag(mem, "lo") || vma_has_flag(mem + 2 * size, "lo"))
		fail("memory is locked that was not");
	else if (datachk(mem, 3 * size, crc))
		fail("the contents changed");
	else
		pass();
	return 0;
}
