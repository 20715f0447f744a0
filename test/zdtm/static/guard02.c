// SPDX-License-Identifier: GPL-2.0-only
/* Guard pages that a child has where its parent has pages, and the other way round. */
#include "zdtmtst.h"

#include <setjmp.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static const size_t page = 4096;
static const int pages = 64;
static char *memory;
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
		if (madvise(memory + (i + 2) * page, page, MADV_GUARD_REMOVE) ||
		    madvise(memory + (i + 3) * page, page, MADV_GUARD_INSTALL))
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
		if (madvise(memory + i * page, page, MADV_GUARD_INSTALL))
			skip("the kernel has no guard pages (Linux 6.13 has)");
	signal(SIGSEGV, on_fault);
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
