// SPDX-License-Identifier: GPL-2.0-only
/* Nearly as many mappings as a process may have: a restore would need a few more. */
/* zdtm: expect=refuse:"/proc/sys/vm/max_map_count allows only" no-rmfork="it is refused before its memory goes anywhere" */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEFT 8 /* the test needs some itself */

static long read_limit(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	long limit = -1;

	if (file == NULL || fscanf(file, "%ld", &limit) != 1)
		pr_perror("/proc/sys/vm/max_map_count");
	if (file)
		fclose(file);
	return limit;
}

static long count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	long n = 0;

	for (int c; file && (c = getc(file)) != EOF;)
		n += c == '\n';
	if (file)
		fclose(file);
	return n;
}

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE);
	long limit, number;
	char *mem;

	test_init(argc, argv);
	limit = read_limit();
	if (limit < 0)
		return 1;
	if (limit > 1000000)
		skip("a process may have %ld mappings here", limit);
	mem = mmap(NULL, limit * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	number = (limit - LEFT - count_mappings()) / 2;
	for (long i = 0; i < number; i++) {
		if (mprotect(mem + (2 * i + 1) * page, page, PROT_READ)) {
			pr_perror("mprotect");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	if (count_mappings() < 2 * number) {
		fail("the mappings are not all there");
		return 1;
	}
	pass();
	return 0;
}
