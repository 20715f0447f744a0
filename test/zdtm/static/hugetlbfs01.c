// SPDX-License-Identifier: GPL-2.0-only
/* A file in a hugetlbfs that is unlinked: mapped by two tasks, and read by a descriptor. */
/* zdtm: needs=hugetlbfs dump-opts="--ghost-limit 8M" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HUGE (2UL << 20)

static volatile char *shared;

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	if (shared[0] != 'p')
		return 1;
	shared[1] = 'c';
	return 0;
}

int main(int argc, char **argv)
{
	struct stat st;
	char path[64], seen;
	uint32_t crc = CRC_INIT;
	pid_t pid;
	int fd;

	test_init(argc, argv);
	snprintf(path, sizeof(path), "/dev/hugepages/zdtm-%d", getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0640);
	if (fd < 0 || unlink(path)) {
		pr_perror("%s", path);
		return 1;
	}
	shared = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	datagen((void *)(shared + HUGE), 10000, &crc);
	shared[0] = 'a';
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (shared[0] != 'a' || datachk((void *)(shared + HUGE), 10000, crc))
		fail("the memory has other contents");
	else if (fstat(fd, &st) || st.st_size != 2 * HUGE || st.st_nlink != 0 || (st.st_mode & 0777) != 0640)
		fail("a file of %ld bytes, mode %o, with %d links", (long)st.st_size, st.st_mode, (int)st.st_nlink);
	else if (access(path, F_OK) == 0)
		fail("it has a name");
	else {
		shared[0] = 'p';
		if (finish_child(pid) || shared[1] != 'c')
			fail("the memory is not shared");
		else if (pread(fd, &seen, 1, 1) != 1 || seen != 'c')
			fail("the descriptor is of another file");
		else
			pass();
	}
	return 0;
}
