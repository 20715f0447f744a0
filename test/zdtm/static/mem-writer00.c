// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread that writes all the time. Each page carries a counter at both ends, always written in
 * the same order: a dump that catches pages at different times shows as counters that disagree.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 256

static volatile uint64_t *mem;
static size_t words;
static volatile uint64_t round_now;
static volatile bool stop;
static uint64_t order_errors;

/* Round r writes r to every page, first to last. Before the write the page must hold r - 1. */
static void *writer(void *arg)
{
	(void)arg;
	for (uint64_t r = 1; !stop; r++) {
		for (int page = 0; page < PAGES; page++) {
			volatile uint64_t *at = mem + page * words;

			if (at[0] != r - 1 || at[words - 1] != r - 1)
				order_errors++;
			at[0] = r;
			at[words - 1] = r;
		}
		round_now = r;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint64_t seen;
	pthread_t t;

	test_init(argc, argv);
	words = page / sizeof(uint64_t);
	mem = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || pthread_create(&t, NULL, writer, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	while (round_now < 10)
		;

	test_daemon();
	test_waitsig();

	seen = round_now;
	while (round_now < seen + 3)
		;
	stop = true;
	pthread_join(t, NULL);
	if (order_errors) {
		fail("%lu times a page held another round's value", order_errors);
		return 1;
	}
	for (int i = 0; i < PAGES; i++) {
		if (mem[i * words] != round_now || mem[(i + 1) * words - 1] != round_now) {
			fail("page %d is of round %lu, the last is %lu", i, mem[i * words], round_now);
			return 1;
		}
	}
	pass();
	return 0;
}
