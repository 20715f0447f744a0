// SPDX-License-Identifier: GPL-2.0-only
/* Guard pages that a child has where its parent has pages, and the other way round. */
#include "fault.h"
#include "zdtmtst.h"

#include <sys/mman.h>

static const size_t page = 4096;
static const int pages = 64;
static char *memory;

/* Of each four pages two are used; the third is a guard page here, the fourth in the other process. */
static bool is_as_made(int guard, char other)
{
	for (int i = 0; i < pages; i++) {
		const char *at = memory + i * page;

		if (is_readable(at) != (i % 4 != guard))
			return false;
		if (i % 4 < 2 && *at != 'a' + i % 26)
			return false;
		if (i % 4 >= 2 && i % 4 != guard && *at != other)
			return false;
	}
	return true;
}

static int body(void *arg)
{
	(void)arg;
	for (int i = 0; i < pages; i += 4) {
		if (unguard(memory + (i + 2) * page, page) ||
		    guard(memory + (i + 3) * page, page))
			return 1;
		memory[(i + 2) * page] = 'c';
	}
	child_ready();
	test_waitsig();
	return is_as_made(3, 'c') ? 0 : 1;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	memory = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	for (int i = 0; i < pages; i++)
		memory[i * page] = i % 4 < 2 ? 'a' + i % 26 : 'p';
	for (int i = 2; i < pages; i += 4)
		if (guard(memory + i * page, page))
			skip("the kernel has no guard pages (Linux 6.13 has)");
	catch_faults();
	pid = start_child(body, NULL);
	if (pid < 0) {
		pr_perror("fork");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!is_as_made(2, 'p'))
		fail("the parent's guard pages or contents are others");
	else if (finish_child(pid))
		fail("the child's guard pages or contents are others");
	else
		pass();
	return 0;
}
