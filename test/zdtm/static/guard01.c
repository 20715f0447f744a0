// SPDX-License-Identifier: GPL-2.0-only
/* Guard pages in shared memory and in a mapped file: they are the mapping's, not the memory's. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

TEST_OPTION(filename, "what is mapped");

static sigjmp_buf back;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static bool is_readable(const volatile char *at)
{
	if (sigsetjmp(back, 1))
		return false;
	(void)*at;
	return true;
}

int main(int argc, char **argv)
{
	const size_t page = 4096;
	char *shared, *file;
	int fd;

	test_init(argc, argv);
	fd = open(filename, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(2 * page)) || pwrite(fd, "f", 1, (off_t)page) != 1) {
		pr_perror("%s", filename);
		return 1;
	}
	shared = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED || file == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	memset(shared, 's', 2 * page);
	if (madvise(shared, page, MADV_GUARD_INSTALL) || madvise(file, page, MADV_GUARD_INSTALL))
		skip("the kernel has no guard pages in shared memory (Linux 6.15 has)");
	signal(SIGSEGV, on_fault);

	test_daemon();
	test_waitsig();

	if (is_readable(shared) || is_readable(file))
		fail("a guard page is none");
	else if (shared[page] != 's' || file[page] != 'f')
		fail("the page behind a guard page has other contents");
	else
		pass();
	return 0;
}
