// SPDX-License-Identifier: GPL-2.0-only
/* A memfd between two tasks: both see what the other one writes, and have one position. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

static int fd;
static char *map;

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	if (map[0] != 'p' || lseek(fd, 0, SEEK_CUR) != 7)
		return 1;
	map[1] = 'c';
	return lseek(fd, 9, SEEK_SET) != 9;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	test_init(argc, argv);
	fd = memfd_create("shared", 0);
	if (fd < 0 || ftruncate(fd, 8192))
		map = MAP_FAILED;
	else
		map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || lseek(fd, 7, SEEK_SET) != 7) {
		pr_perror("memfd");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	map[0] = 'p';
	status = finish_child(pid);
	if (status)
		fail("the child sees something else (%d)", status);
	else if (map[1] != 'c' || lseek(fd, 0, SEEK_CUR) != 9)
		fail("what the child does is not seen");
	else
		pass();
	return 0;
}
