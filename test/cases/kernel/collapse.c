// SPDX-License-Identifier: GPL-2.0-only
/*
 * collapse [ROUNDS]: restored memory becomes huge pages, by khugepaged and when it is asked for, while the task and its
 * child write to it. Afterwards the module can go.
 */
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 2048, ROUNDS = 40, COLLAPSE = 25 /* MADV_COLLAPSE, Linux 6.1 */ };
#define KHUGEPAGED "/sys/kernel/mm/transparent_hugepage/khugepaged/"

static unsigned collapsed, refused;

static void collapse(void)
{
	if (madvise(AREA, PAGES * PAGE, COLLAPSE))
		refused++;
	else
		collapsed++;
}

static size_t write_to_all(size_t step, char mark)
{
	for (size_t i = 0; i < PAGES; i += step)
		AREA[i * PAGE + 100] = mark;
	return count_wrong(AREA, PAGES);
}

static size_t one_round(uint64_t off)
{
	int status = 0;

	map(AREA, PAGES);
	madvise(AREA, PAGES * PAGE, MADV_HUGEPAGE);
	must(restore(RMFORK_OP_RESTORE_ONE, off, AREA, PAGES) == 0, "RESTORE_ONE");
	size_t bad = write_to_all(3, 7);
	collapse();
	bad += count_wrong(AREA, PAGES);
	pid_t child = fork();
	if (child == 0)
		_exit(count_wrong(AREA, PAGES) || write_to_all(1, 9));
	bad += write_to_all(1, 8);
	must(waitpid(child, &status, 0) == child, "the child");
	bad += status != 0;
	collapse();
	bad += count_wrong(AREA, PAGES);
	for (size_t i = 0; i < PAGES; i++)
		bad += AREA[i * PAGE + 100] != 8;
	munmap(AREA, PAGES * PAGE);
	return bad;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
	long gone = -1;

	if (!write_text(KHUGEPAGED "scan_sleep_millisecs", "0"))
		cannot("no huge pages on this kernel");
	write_text(KHUGEPAGED "pages_to_scan", "4096");
	open_module();
	uint64_t off = save_area(PAGES);
	for (int i = 0; i < rounds; i++) {
		size_t bad = one_round(off);

		if (bad)
			wrong("%zu pages in round %d", bad, i);
	}
	printf("%d rounds; MADV_COLLAPSE: %u times done, %u refused\n", rounds, collapsed, refused);
	write_text(KHUGEPAGED "scan_sleep_millisecs", "10000");
	if (!collapsed)
		wrong("no restored memory becomes huge pages");
	must(free_snapshot(off) == 0, "FREE");
	close_module();
	for (int i = 0; i < 100 && gone; i++) {
		gone = syscall(SYS_delete_module, "rmfork", O_NONBLOCK);
		if (gone)
			usleep(100000);
	}
	if (gone)
		wrong("the module is in use: %s", strerror(errno));
	return verdict();
}
