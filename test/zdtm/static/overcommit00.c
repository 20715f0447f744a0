// SPDX-License-Identifier: GPL-2.0-only
/*
 * One mapping, made in two parts, that is larger than all memory there is: the kernel would refuse
 * it if it were asked for at once (proc(5), overcommit_memory 0).
 */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	const size_t page = sysconf(_SC_PAGESIZE);
	uint32_t crc = CRC_INIT;
	struct sysinfo info;
	size_t part;
	char *p, *whole;

	test_init(argc, argv);
	if (sysinfo(&info)) {
		pr_perror("sysinfo");
		return 1;
	}
	part = ((info.totalram + info.totalswap) * info.mem_unit / 10 * 6) & ~(page - 1);
	whole = mmap(NULL, 2 * part, prot, flags, -1, 0);
	if (whole != MAP_FAILED)
		skip("this machine gives memory that it does not have at once");
	p = mmap(NULL, 2 * part, PROT_NONE, flags | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED || munmap(p, 2 * part) ||
	    mmap(p, part, prot, flags | MAP_FIXED, -1, 0) != p ||
	    mmap(p + part, part, prot, flags | MAP_FIXED, -1, 0) != p + part)
		skip("this machine does not give memory that it does not have");
	datagen(p + part - 8 * page, 16 * page, &crc);

	test_daemon();
	test_waitsig();

	if (datachk(p + part - 8 * page, 16 * page, crc))
		fail("the contents changed");
	else if (p[0] || p[2 * part - 1])
		fail("what was never touched is not zero");
	else
		pass();
	return 0;
}
