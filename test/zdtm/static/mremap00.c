// SPDX-License-Identifier: GPL-2.0-only
/* Memory that mremap moved: anonymous, and the middle of a file mapping. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

TEST_OPTION(filename, "file to map");

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint32_t crc = CRC_INIT, file_crc = CRC_INIT, middle = CRC_INIT;
	static char data[65536];
	char *mem, *moved, *target, *file, *file_moved;
	int fd;

	test_init(argc, argv);
	mem = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	target = mmap(NULL, 32 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || target == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	datagen(mem, 8 * page, &crc);
	moved = mremap(mem, 8 * page, 16 * page, MREMAP_MAYMOVE | MREMAP_FIXED, target + 2 * page);

	datagen(data, 6 * page, &file_crc);
	middle = crc32_update(middle, data + 2 * page, 3 * page);
	fd = open(filename, O_RDWR | O_CREAT, 0600);
	if (moved == MAP_FAILED || fd < 0 || write(fd, data, 6 * page) != (ssize_t)(6 * page)) {
		pr_perror("cannot set up");
		return 1;
	}
	file = mmap(NULL, 6 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	file[3 * page] ^= 1; /* a page of our own, in the part that moves */
	file_moved = mremap(file + 2 * page, 3 * page, 3 * page, MREMAP_MAYMOVE | MREMAP_FIXED,
			    target + 24 * page);
	if (file_moved == MAP_FAILED) {
		pr_perror("mremap");
		return 1;
	}

	test_daemon();
	test_waitsig();

	file_moved[page] ^= 1;
	if (datachk(moved, 8 * page, crc))
		fail("moved anonymous memory changed");
	else if (moved[8 * page] || moved[16 * page - 1])
		fail("the part it grew by is not zero");
	else if (datachk(file_moved, 3 * page, middle))
		fail("the moved part of the file mapping changed");
	else if (memcmp(file, data, 2 * page) || memcmp(file + 5 * page, data + 5 * page, page))
		fail("the parts that stayed changed");
	else
		pass();
	unlink(filename);
	return 0;
}
