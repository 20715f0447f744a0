// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files in memory: two descriptors of one, one of them read-only, with a position; mapped shared by two
 * tasks, and privately; a mapping alone, without a descriptor; owner and mode.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 64 * 1024 };

static char *shared;

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	shared[SIZE - 1] = 'c';
	return 0;
}

int main(int argc, char **argv)
{
	char path[64], c, *private, *alone;
	uint32_t crc = CRC_INIT, alone_crc = CRC_INIT;
	int fd, read_only, other;
	struct stat st;
	pid_t pid;

	test_init(argc, argv);
	fd = memfd_create("a name", MFD_CLOEXEC);
	other = memfd_create("other", 0);
	if (fd < 0 || other < 0 || ftruncate(fd, SIZE) || ftruncate(other, SIZE / 2 + 5) || fchmod(fd, 0640)) {
		pr_perror("memfd");
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY);
	shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	alone = mmap(NULL, SIZE / 2, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	if (read_only < 0 || shared == MAP_FAILED || private == MAP_FAILED || alone == MAP_FAILED ||
	    lseek(read_only, 100, SEEK_SET) != 100) {
		pr_perror("cannot set up");
		return 1;
	}
	datagen(shared, SIZE - 1, &crc);
	datagen(alone, SIZE / 2, &alone_crc);
	private[1] = 'p';
	close(other);
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (finish_child(pid) || shared[SIZE - 1] != 'c')
		fail("the child's memory is another");
	else if (datachk(shared, SIZE - 1, crc))
		fail("the contents changed");
	else if (datachk(alone, SIZE / 2, alone_crc))
		fail("the contents of the mapping alone changed");
	else if (private[1] != 'p' || private[2] != shared[2])
		fail("the private mapping changed");
	else if (shared[SIZE / 2] ^= 1, private[SIZE / 2] != shared[SIZE / 2])
		fail("the private mapping is of another file");
	else if (lseek(read_only, 0, SEEK_CUR) != 100 || read(read_only, &c, 1) != 1 || c != shared[100])
		fail("the position is lost");
	else if (write(read_only, "x", 1) != -1 || pwrite(fd, "z", 1, 3) != 1 || shared[3] != 'z')
		fail("the descriptors are not what they were");
	else if (fstat(fd, &st) || st.st_size != SIZE || (st.st_mode & 07777) != 0640)
		fail("the size is %ld, the mode %o", (long)st.st_size, st.st_mode);
	else
		pass();
	return 0;
}
