// SPDX-License-Identifier: GPL-2.0-only
/* Guard pages in shared memory and in a mapped file: they are the mapping's, not the memory's. */
#include "fault.h"
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

TEST_OPTION(filename, "what is mapped");

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
	if (guard(shared, page) || guard(file, page))
		skip("the kernel has no guard pages in shared memory (Linux 6.15 has)");
	catch_faults();

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
