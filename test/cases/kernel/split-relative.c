// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child gives up a huge page that it has in common with its parent, and restores a part of it lazily. Then the kernel
 * splits the huge page of the parent and of another child: by debugfs, as it does under memory pressure, and
 * by the shrinkers.
 */
#include "case.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { FROM = 64, PART = 64 };
#define SPLIT "/sys/kernel/debug/split_huge_pages"

static void split_own(bool by_shrinkers)
{
	char text[64];

	if (by_shrinkers) {
		madvise(AREA + 300 * PAGE, PAGE, MADV_DONTNEED);
		must(write_text("/proc/sys/vm/drop_caches", "2"), "drop_caches");
		return;
	}
	snprintf(text, sizeof(text), "%d,%p,%p", getpid(), (void *)AREA, (void *)(AREA + HUGE));
	must(write_text(SPLIT, text), SPLIT);
}

static int be_lazy(uint64_t off, int ready, int go)
{
	char byte = 'r';

	madvise(AREA, HUGE, MADV_DONTNEED);
	must(restore(RMFORK_OP_RESTORE_LAZY, off, AREA + FROM * PAGE, PART) == 0, "RESTORE_LAZY");
	must(write(ready, &byte, 1) == 1 && read(go, &byte, 1) == 1, "the parent");
	size_t lost = 0;
	for (size_t i = FROM; i < FROM + PART; i++)
		lost += *(volatile size_t *)(AREA + i * PAGE) != i + 1;
	printf("%zu of %d pages of the child are wrong\n", lost, PART);
	if (lost)
		wrong("%zu pages of the child", lost);
	return verdict();
}

static void beside_parent(bool by_shrinkers)
{
	int ready[2], go[2];
	char byte = 'g';
	uint64_t off;

	map(AREA, HUGE_PAGES);
	madvise(AREA, HUGE, MADV_HUGEPAGE);
	fill(AREA, HUGE_PAGES);
	if (smaps_field(AREA, "AnonHugePages") != HUGE >> 10)
		cannot("no huge page is to be had");
	must(dump(getpid(), AREA + FROM * PAGE, PART, &off) == 0, "DUMP");
	must(!pipe(ready) && !pipe(go), "pipe");
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		_exit(be_lazy(off, ready[1], go[0]));
	must(read(ready[0], &byte, 1) == 1, "the child");
	pid_t sibling = fork();
	if (sibling == 0)
		for (;;)
			pause();
	split_own(by_shrinkers);
	must(write(go[1], &byte, 1) == 1, "the child");
	join_child(child, "the child");
	kill(sibling, SIGKILL);
	waitpid(sibling, NULL, 0);
	munmap(AREA, HUGE);
	must(free_snapshot(off) == 0, "FREE");
}

int main(void)
{
	open_module();
	need_lazy();
	beside_parent(true);
	if (!has_debugfs(SPLIT))
		cannot("no split_huge_pages in debugfs");
	beside_parent(false);
	return verdict();
}
