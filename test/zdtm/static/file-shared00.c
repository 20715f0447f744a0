// SPDX-License-Identifier: GPL-2.0-only
/* A shared file mapping: what is written through it after the restore reaches the file. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

TEST_OPTION(filename, "file to map");

#define SIZE 65536

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;
	char *rw, *ro, buf[4];
	int fd;

	test_init(argc, argv);
	fd = open(filename, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, SIZE)) {
		pr_perror("cannot make %s", filename);
		return 1;
	}
	rw = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	/* Opened for reading only: this one must not become writable. */
	fd = open(filename, O_RDONLY);
	ro = mmap(NULL, SIZE / 2, PROT_READ, MAP_SHARED, fd, SIZE / 2);
	close(fd);
	if (rw == MAP_FAILED || ro == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	datagen(rw, SIZE, &crc);

	test_daemon();
	test_waitsig();

	if (datachk(rw, SIZE, crc)) {
		fail("the contents changed");
		return 1;
	}
	memcpy(rw + SIZE / 2, "new", 3);
	fd = open(filename, O_RDONLY);
	if (fd < 0 || pread(fd, buf, 3, SIZE / 2) != 3 || memcmp(buf, "new", 3))
		fail("the file does not get what is written to the mapping");
	else if (memcmp(ro, "new", 3))
		fail("the second mapping does not see what the first writes");
	else if (!mprotect(ro, SIZE / 2, PROT_READ | PROT_WRITE))
		fail("a mapping of a read-only file became writable");
	else
		pass();
	unlink(filename);
	return 0;
}
