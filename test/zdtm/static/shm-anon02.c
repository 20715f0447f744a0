// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared anonymous memory with descriptors of it, and with mappings by these: a private one, whose
 * written pages are its own and whose others show the object; a shared one of a part; one that
 * was opened for reading and cannot be made writable; one that reaches beyond the object's end.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES 8

int main(int argc, char **argv)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct stat one, two;
	char path[64], c = 0;
	char *all, *own, *part, *readonly, *beyond;
	int rw, ro;

	test_init(argc, argv);
	all = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (long)all, (long)(all + PAGES * page));
	rw = open(path, O_RDWR);
	ro = open(path, O_RDONLY);
	own = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, rw, 0);
	part = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 3 * page);
	readonly = mmap(NULL, page, PROT_READ, MAP_SHARED, ro, page);
	beyond = mmap(NULL, 4 * page, PROT_READ, MAP_SHARED, rw, (PAGES - 1) * page);
	if (rw < 0 || ro < 0 || beyond == MAP_FAILED || own == MAP_FAILED || part == MAP_FAILED || readonly == MAP_FAILED ||
	    lseek(rw, 5, SEEK_SET) != 5) {
		pr_perror("cannot set up %s", path);
		return 1;
	}
	for (int i = 0; i < PAGES; i++)
		all[i * page] = 'a' + i;
	own[0] = 'P';

	test_daemon();
	test_waitsig();

	all[0] = 'X';
	all[page] = 'Y';
	part[page] = 'Z';
	if (own[0] != 'P')
		fail("the private page lost its contents: %c", own[0]);
	else if (own[page] != 'Y' || own[2 * page] != 'c' || own[4 * page] != 'Z')
		fail("the untouched private pages do not show the object: %c %c %c", own[page],
		     own[2 * page], own[4 * page]);
	else if (all[4 * page] != 'Z' || part[0] != 'd' || readonly[0] != 'Y')
		fail("the shared mappings are not the same memory any more");
	else if (pread(ro, &c, 1, 0) != 1 || c != 'X' || read(rw, &c, 1) != 1 || c != 0)
		fail("a descriptor reads %c", c);
	else if (pwrite(rw, "W", 1, 7 * page) != 1 || all[7 * page] != 'W' || own[7 * page] != 'W' ||
		 beyond[0] != 'W')
		fail("what is written by the descriptor does not arrive");
	else if (write(ro, "W", 1) != -1 || mprotect(readonly, page, PROT_READ | PROT_WRITE) != -1)
		fail("what could only be read can be written to");
	else if (fstat(rw, &one) || fstat(ro, &two) || one.st_ino != two.st_ino ||
		 one.st_size != (off_t)(PAGES * page))
		fail("the descriptors do not lead to one object of %zu bytes", PAGES * page);
	else
		pass();
	return 0;
}
