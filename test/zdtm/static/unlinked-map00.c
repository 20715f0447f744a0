// SPDX-License-Identifier: GPL-2.0-only
/* A removed file that is only mapped, not open: shared and private, and common to two tasks. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

TEST_OPTION(filename, "file to map and remove");

#define SIZE 32768

static char *shared, *private;

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	if (shared[1] != 'n') {
		fail("the child does not see what the parent writes");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t shared_crc = CRC_INIT, private_crc = CRC_INIT;
	pid_t pid;
	int fd;

	test_init(argc, argv);
	fd = open(filename, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || ftruncate(fd, SIZE)) {
		pr_perror("cannot make %s", filename);
		return 1;
	}
	shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (shared == MAP_FAILED || private == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	datagen(shared, SIZE, &shared_crc);
	datagen(private, SIZE / 2, &private_crc);
	if (close(fd) || unlink(filename)) {
		pr_perror("cannot remove %s", filename);
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (datachk(shared, SIZE, shared_crc))
		fail("the shared mapping's contents changed");
	else if (datachk(private, SIZE / 2, private_crc))
		fail("the private mapping's own pages changed");
	else if (memcmp(private + SIZE / 2, shared + SIZE / 2, SIZE / 2))
		fail("the private mapping's file pages changed");
	else if ((shared[1] = 'n', shared[SIZE - 1] = 'n', private[SIZE - 1] != 'n'))
		fail("the mappings are not of one file any more");
	else if (finish_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
