// SPDX-License-Identifier: GPL-2.0-only
/* A removed file of 64 MiB that is nearly all holes: these count for nothing, and stay. */
/* zdtm: dump-opts="--ghost-limit 256K --ghost-fiemap" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "file to open and remove");

#define SIZE  (64l << 20)
#define FIRST (5l << 20)
#define LAST  (SIZE - (9l << 20))

int main(int argc, char **argv)
{
	char data[4096], buf[4096];
	uint32_t crc = CRC_INIT;
	struct stat st;
	int fd;

	test_init(argc, argv);
	datagen(data, sizeof(data), &crc);
	fd = open(filename, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || ftruncate(fd, SIZE) || pwrite(fd, data, sizeof(data), FIRST) != sizeof(data) ||
	    pwrite(fd, data, sizeof(data), LAST) != sizeof(data) || unlink(filename)) {
		pr_perror("cannot set up %s", filename);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(fd, &st) || st.st_size != SIZE)
		fail("it has %ld bytes", (long)st.st_size);
	else if (st.st_blocks * 512 > 256 << 10)
		fail("it takes %ld blocks: the holes are filled", (long)st.st_blocks);
	else if (pread(fd, buf, sizeof(buf), FIRST) != sizeof(buf) || datachk(buf, sizeof(buf), crc) ||
		 pread(fd, buf, sizeof(buf), LAST) != sizeof(buf) || datachk(buf, sizeof(buf), crc))
		fail("the contents changed");
	else if (pread(fd, buf, sizeof(buf), FIRST - (1 << 20)) != sizeof(buf) || buf[0] || buf[4095])
		fail("a hole is not zero");
	else
		pass();
	return 0;
}
