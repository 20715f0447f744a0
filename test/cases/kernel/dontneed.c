// SPDX-License-Identifier: GPL-2.0-only
/*
 * One thread touches a page while another gives it up: when MADV_DONTNEED has returned, and nobody has
 * written, it reads as zeros. Ordinary memory, and what each kind of restore has brought.
 */
#include "case.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

enum { PAGES = 8192, ROUNDS = 3 };

static atomic_size_t turn, done;

static void spin(unsigned *random)
{
	*random = *random * 1103515245 + 12345;
	for (unsigned n = (*random >> 16) % 400; n; n--)
		__asm__ volatile("");
}

static void *touch(void *unused)
{
	unsigned random = 7;

	for (size_t i = 1; i <= PAGES; i++) {
		while (turn < i)
			;
		spin(&random);
		(void)*(volatile char *)(AREA + (i - 1) * PAGE);
		done = i;
	}
	return unused;
}

static size_t count_stale(int op, uint64_t off, unsigned random)
{
	pthread_t toucher;
	size_t stale = 0;

	map(AREA, PAGES);
	if (op == ORDINARY) {
		madvise(AREA, PAGES * PAGE, MADV_NOHUGEPAGE);
		fill(AREA, PAGES);
	} else {
		must(restore(op, off, AREA, PAGES) == 0, "restore");
	}
	turn = done = 0;
	must(!pthread_create(&toucher, NULL, touch, NULL), "thread");
	for (size_t i = 1; i <= PAGES; i++) {
		char *page = AREA + (i - 1) * PAGE;

		turn = i;
		spin(&random);
		must(!madvise(page, PAGE, MADV_DONTNEED), "MADV_DONTNEED");
		while (done < i)
			;
		stale += *(volatile size_t *)page != 0;
	}
	pthread_join(toucher, NULL);
	munmap(AREA, PAGES * PAGE);
	return stale;
}

int main(void)
{
	open_module();
	uint64_t off = save_area(PAGES);
	const struct {
		const char *name;
		int op;
	} kinds[] = { { "ordinary", ORDINARY },
		      { "RESTORE_ONE", RMFORK_OP_RESTORE_ONE },
		      { "RESTORE_LAZY", has_lazy() ? RMFORK_OP_RESTORE_LAZY : RMFORK_OP_RESTORE_ALL } };
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (int k = 0; k < 3; k++) {
			size_t stale = count_stale(kinds[k].op, off, round + 1);

			printf("%s: %zu of %d pages come back\n", kinds[k].name, stale, PAGES);
			if (stale)
				wrong("%zu pages of %s", stale, kinds[k].name);
		}
	}
	free_snapshot(off);
	return verdict();
}
