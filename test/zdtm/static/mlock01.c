// SPDX-License-Identifier: GPL-2.0-only
/* Locked memory of which not all can be touched: without access, in part, and behind the end of a file. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

TEST_OPTION(filename, "a file of a page");

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint32_t crc = CRC_INIT;
	char *part, *none, *file;
	int fd;

	test_init(argc, argv);
	fd = open(filename, O_RDWR | O_CREAT, 0600);
	part = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	none = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || ftruncate(fd, page) || part == MAP_FAILED || none == MAP_FAILED ||
	    (file = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
		pr_perror("cannot set up");
		return 1;
	}
	datagen(part, 4 * page, &crc);
	if (mlock(part, 4 * page) || mprotect(part + page, page, PROT_NONE) || !mlock(none, 4 * page) || errno != ENOMEM ||
	    !mlock(file, 4 * page) || errno != ENOMEM) {
		pr_perror("mlock");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (vma_has_flag(part, "lo") != 1 || vma_has_flag(part + page, "lo") != 1 || vma_has_flag(none, "lo") != 1 ||
	    vma_has_flag(file, "lo") != 1)
		fail("locked memory is not locked any more");
	else if (mprotect(part + page, page, PROT_READ) || datachk(part, 4 * page, crc))
		fail("the contents changed");
	else
		pass();
	return 0;
}
