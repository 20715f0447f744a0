// SPDX-License-Identifier: GPL-2.0-only
/*
 * File mappings longer than the file, shared and private: what lies beyond its last page still
 * raises SIGBUS, and a page of the private one that was written before the file shrank is kept.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

TEST_OPTION(filename, "file to map");

static sigjmp_buf escape;

static void on_sigbus(int sig)
{
	siglongjmp(escape, sig);
}

static bool raises_sigbus(const volatile char *at)
{
	if (sigsetjmp(escape, 1))
		return true;
	(void)*at;
	return false;
}

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *shared, *private;
	int fd;

	test_init(argc, argv);
	fd = open(filename, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 8 * page)) {
		pr_perror("cannot make %s", filename);
		return 1;
	}
	shared = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (shared == MAP_FAILED || private == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	shared[0] = 's';
	private[page] = 'p';
	if (ftruncate(fd, page + page / 2)) {
		pr_perror("ftruncate");
		return 1;
	}

	test_daemon();
	test_waitsig();

	signal(SIGBUS, on_sigbus);
	if (shared[0] != 's' || private[0] != 's')
		fail("the file's contents changed");
	else if (private[page] != 'p' || shared[page])
		fail("the private page changed");
	else if (!raises_sigbus(shared + 4 * page) || !raises_sigbus(private + 4 * page))
		fail("memory beyond the end of the file can be read");
	else if (ftruncate(fd, 8 * page) || pwrite(fd, "z", 1, 4 * page) != 1)
		fail_errno("the file cannot grow");
	else if (shared[4 * page] != 'z' || private[4 * page] != 'z')
		fail("the mapping does not see the file grow");
	else
		pass();
	unlink(filename);
	return 0;
}
