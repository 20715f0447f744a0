// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared anonymous memory that no mapping leads to any more: a descriptor, which a child has opened
 * anew, and a private mapping in another child. Its size lies within a page and its contents
 * behind the end of what is mapped. /dev/zero gives the same kind.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES 16
#define SIZE (14 * page + 100)

static size_t page;
static int object;
static char *own;

static int reader(void *arg)
{
	char path[64];
	char c = 0;
	int fd;

	(void)arg;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", object);
	fd = open(path, O_RDONLY);
	if (fd < 0 || close(object)) {
		pr_perror("cannot open %s", path);
		return 1;
	}
	child_ready();
	test_waitsig();
	if (pread(fd, &c, 1, 9 * page) != 1 || c != 'N') {
		fail("the child reads %c", c);
		return 1;
	}
	return 0;
}

static int mapper(void *arg)
{
	(void)arg;
	own = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, object, 8 * page);
	if (own == MAP_FAILED || close(object)) {
		pr_perror("mmap");
		return 1;
	}
	own[0] = 'C';
	child_ready();
	test_waitsig();
	if (own[0] != 'C' || own[page] != 'N') {
		fail("the child's private mapping shows %c%c", own[0], own[page]);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char path[64], c = 0;
	struct stat st;
	pid_t one, two;
	char *p;
	int zero;

	test_init(argc, argv);
	page = sysconf(_SC_PAGESIZE);
	zero = open("/dev/zero", O_RDWR);
	p = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
	if (zero < 0 || p == MAP_FAILED) {
		pr_perror("cannot map /dev/zero");
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (long)p, (long)(p + PAGES * page));
	object = open(path, O_RDWR);
	p[0] = 'f';
	p[9 * page] = 'm';
	p[14 * page] = 'l';
	if (object < 0 || munmap(p, PAGES * page) || close(zero) || ftruncate(object, SIZE) ||
	    fchown(object, 12, 34) || fchmod(object, 0640)) {
		pr_perror("cannot set up %s", path);
		return 1;
	}
	one = start_child(reader, NULL);
	two = start_child(mapper, NULL);
	if (one < 0 || two < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (fstat(object, &st) || st.st_size != (off_t)SIZE)
		fail("the object has %ld bytes", (long)st.st_size);
	else if (st.st_uid != 12 || st.st_gid != 34 || (st.st_mode & 07777) != 0640)
		fail("it is of %d:%d and mode %o", st.st_uid, st.st_gid, st.st_mode);
	else if (pread(object, &c, 1, 0) != 1 || c != 'f' || pread(object, &c, 1, 14 * page) != 1 || c != 'l')
		fail("the contents changed: %c", c);
	else if (pwrite(object, "N", 1, 9 * page) != 1)
		fail_errno("cannot write");
	else if (finish_child(one) || finish_child(two))
		fail("a child failed");
	else
		pass();
	return 0;
}
