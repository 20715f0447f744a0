// SPDX-License-Identifier: GPL-2.0-only
/* A file in a hugetlbfs: two tasks share it, one of them has a page of its own of it in a private mapping. */
/* zdtm: needs=hugetlbfs */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
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
	volatile char *own;
	char path[64];
	pid_t pid;
	int fd;

	test_init(argc, argv);
	snprintf(path, sizeof(path), "/dev/hugepages/zdtm-%d", getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0) {
		pr_perror("%s", path);
		return 1;
	}
	shared = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	own = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (shared == MAP_FAILED || own == MAP_FAILED) {
		pr_perror("mmap");
		unlink(path);
		return 1;
	}
	shared[0] = 'a';
	shared[HUGE] = 'b';
	own[HUGE] = 'o';
	pid = start_child(child, NULL);
	if (pid < 0) {
		unlink(path);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (shared[0] != 'a' || shared[HUGE] != 'b' || own[0] != 'a' || own[HUGE] != 'o')
		fail("the memory holds %c%c, the private one %c%c", shared[0], shared[HUGE], own[0], own[HUGE]);
	else {
		shared[0] = 'p';
		if (finish_child(pid) || shared[1] != 'c' || own[0] != 'p' || own[1] != 'c')
			fail("the memory is not shared");
		else
			pass();
	}
	unlink(path);
	return 0;
}
