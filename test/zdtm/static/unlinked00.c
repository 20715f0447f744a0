// SPDX-License-Identifier: GPL-2.0-only
/* A file that was removed while open: contents, position, holes; and nothing comes back by name. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "file to open and remove");

#define SIZE 50000
#define HOLE 200000

int main(int argc, char **argv)
{
	static char data[SIZE], back[SIZE];
	uint32_t crc = CRC_INIT;
	struct stat before, after;
	int fd;

	test_init(argc, argv);
	datagen(data, SIZE, &crc);
	fd = open(filename, O_RDWR | O_CREAT | O_EXCL, 0640);
	if (fd < 0 || pwrite(fd, data, SIZE, HOLE) != SIZE || lseek(fd, 77, SEEK_SET) != 77 ||
	    fchown(fd, 12, 34) || unlink(filename) || fstat(fd, &before)) {
		pr_perror("cannot set up %s", filename);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(fd, &after)) {
		fail_errno("fstat");
		return 1;
	}
	if (lseek(fd, 0, SEEK_CUR) != 77)
		fail("the position changed");
	else if (after.st_size != before.st_size || after.st_mode != before.st_mode)
		fail("size %ld mode %o, was %ld %o", (long)after.st_size, after.st_mode,
		     (long)before.st_size, before.st_mode);
	else if (after.st_uid != 12 || after.st_gid != 34)
		fail("the owner is %d:%d", after.st_uid, after.st_gid);
	else if (after.st_nlink)
		fail("the file has %ld links", (long)after.st_nlink);
	else if (after.st_mtim.tv_sec != before.st_mtim.tv_sec)
		fail("the time of modification changed");
	else if (pread(fd, back, SIZE, HOLE) != SIZE || datachk(back, SIZE, crc))
		fail("the contents changed");
	else if (pread(fd, back, 1, HOLE - 1) != 1 || back[0])
		fail("the hole is not zero");
	else if (!access(filename, F_OK))
		fail("the name is there again");
	else
		pass();
	return 0;
}
