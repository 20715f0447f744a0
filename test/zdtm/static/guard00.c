// SPDX-License-Identifier: GPL-2.0-only
/* Guard pages in private memory: who touches one gets a signal, and what lies around them stays. */
#include "fault.h"
#include "zdtmtst.h"

#include <sys/mman.h>

static const size_t page = 4096;

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
		if (kind[i] == 'g' && guard(memory + i * page, page))
			skip("the kernel has no guard pages (Linux 6.13 has)");
	}
	if (guard(locked, page) || mlock2(locked, 2 * page, MLOCK_ONFAULT)) {
		pr_perror("a guard page in locked memory");
		return 1;
	}
	catch_faults();

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
	else if (unguard(memory + page, page) || memory[page] != 0)
		fail_errno("a guard page cannot be taken away");
	else
		pass();
	return 0;
}
