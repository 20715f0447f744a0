// SPDX-License-Identifier: GPL-2.0-only
/* Guard pages in private memory: who touches one gets a signal, and what lies around them stays. */
#include "zdtmtst.h"

#include <setjmp.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static const size_t page = 4096;
static sigjmp_buf back;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

/* Whether a page can be read; it is not changed. */
static bool is_readable(const volatile char *at)
{
	if (sigsetjmp(back, 1))
		return false;
	(void)*at;
	return true;
}

int main(int argc, char **argv)
{
	/* Of 8 pages: used, guard, guard, used, untouched, guard, untouched, used. */
	static const char kind[] = "uggu.g.u";
	char *memory, *locked;

	test_init(argc, argv);
	memory = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	locked = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || locked == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	for (int i = 0; i < 8; i++) {
		if (kind[i] == 'u')
			memset(memory + i * page, 'a' + i, page);
		if (kind[i] == 'g' && madvise(memory + i * page, page, MADV_GUARD_INSTALL))
			skip("the kernel has no guard pages (Linux 6.13 has)");
	}
	if (madvise(locked, page, MADV_GUARD_INSTALL) || mlock2(locked, 2 * page, MLOCK_ONFAULT)) {
		pr_perror("a guard page in locked memory");
		return 1;
	}
	signal(SIGSEGV, on_fault);

	test_daemon();
	test_waitsig();

	for (int i = 0; i < 8; i++) {
		if (is_readable(memory + i * page) != (kind[i] != 'g')) {
			fail("page %d is %s", i, kind[i] == 'g' ? "no guard page" : "a guard page");
			return 1;
		}
		if (kind[i] != 'g' && memory[i * page] != (kind[i] == 'u' ? 'a' + i : 0)) {
			fail("page %d has other contents", i);
			return 1;
		}
	}
	if (is_readable(locked) || !is_readable(locked + page))
		fail("the guard page in locked memory is none");
	else if (madvise(memory + page, page, MADV_GUARD_REMOVE) || memory[page] != 0)
		fail_errno("a guard page cannot be taken away");
	else
		pass();
	return 0;
}
