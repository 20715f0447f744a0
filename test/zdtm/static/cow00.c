// SPDX-License-Identifier: GPL-2.0-only
/* Private memory after fork: common pages, and pages that parent and child each wrote. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 64

static size_t page;
static char *mem;

/* Page i: i % 4 = 0 nobody wrote, 1 the parent, 2 the child, 3 both. */
static char expected(int i, bool child)
{
	bool wrote = child ? (i & 2) : (i & 1);

	return !wrote ? 'f' : child ? 'c' : 'p';
}

static void write_own(bool child)
{
	for (int i = 0; i < PAGES; i++) {
		if (expected(i, child) != 'f')
			memset(mem + i * page, expected(i, child), page);
	}
}

static int check(bool child)
{
	for (int i = 0; i < PAGES; i++) {
		for (size_t at = 0; at < page; at++) {
			char have = mem[i * page + at];

			if (have != expected(i, child)) {
				fail("%s: page %d holds %#x", child ? "child" : "parent", i, have);
				return 1;
			}
		}
	}
	return 0;
}

static int child(void *arg)
{
	(void)arg;
	write_own(true);
	child_ready();
	test_waitsig();
	if (check(true))
		return 1;
	memset(mem, 'x', PAGES * page);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	page = sysconf(_SC_PAGESIZE);
	mem = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	memset(mem, 'f', PAGES * page);
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;
	write_own(false);

	test_daemon();
	test_waitsig();

	if (check(false))
		return 1;
	if (finish_child(pid)) {
		fail("the child failed");
		return 1;
	}
	if (check(false))
		return 1;
	pass();
	return 0;
}
