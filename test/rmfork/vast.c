// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target of test/rmfork/breadth-test: memory of a kind, and a word in each of its pages.
 *
 *   vast DIR N|untouched|swapped|kinds
 *
 * N: so many GiB without reservation, a page in each GiB. untouched: 16 GiB and no page. swapped: 16 MiB that are given to swap
 * before the first answer. kinds: small mappings of every protection and advice.
 *
 * For each SIGUSR1 it looks at all of it, and answers in DIR/answer: `ok`, or what is wrong where.
 * For SIGUSR2 it writes every word anew first. An empty answer says that it is ready.
 */
#include "answers.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, SMALL = 16 };

static const struct kind {
	int prot;
	int advice;
	int locked;
} kinds[] = {
	{ PROT_NONE, 0, 0 }, { PROT_READ, 0, 0 }, { PROT_READ | PROT_EXEC, 0, 0 },
	{ PROT_READ | PROT_WRITE, MADV_DONTFORK, 0 }, { PROT_READ | PROT_WRITE, MADV_WIPEONFORK, 0 },
	{ PROT_READ | PROT_WRITE, MADV_NOHUGEPAGE, 0 }, { PROT_READ | PROT_WRITE, MADV_HUGEPAGE, 0 },
	{ PROT_READ | PROT_WRITE, MADV_MERGEABLE, 0 }, { PROT_READ | PROT_WRITE, MADV_DONTDUMP, 0 },
	{ PROT_READ | PROT_WRITE, 0, 1 }, { PROT_READ | PROT_WRITE, 0, 2 },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* One page in each @step bytes has a word; none, if that is 0. */
struct area {
	char *start;
	size_t size, step;
	int prot;
};

static struct area areas[KINDS];
static int nr_areas;
static const char *dir;
static uint64_t round_of_words = 1;

static uint64_t word_of(const struct area *a, size_t at)
{
	return ((uint64_t)(a - areas) << 56) + at * 31 + round_of_words;
}

static void open_area(const struct area *a, int prot)
{
	if (a->prot != (PROT_READ | PROT_WRITE) && mprotect(a->start, a->size, prot))
		die("vast: mprotect");
}

static void write_words(void)
{
	for (struct area *a = areas; a < areas + nr_areas; a++) {
		open_area(a, PROT_READ | PROT_WRITE);
		for (size_t at = 0; a->step && at < a->size; at += a->step)
			*(uint64_t *)(a->start + at) = word_of(a, at);
		open_area(a, a->prot);
	}
}

/* Memory that may not be read is looked at all the same. */
static void check(char *text, size_t size)
{
	snprintf(text, size, "ok\n");
	for (struct area *a = areas; a < areas + nr_areas; a++) {
		open_area(a, PROT_READ);
		for (size_t at = 0; a->step && at < a->size; at += a->step) {
			const uint64_t *word = (uint64_t *)(a->start + at);

			if (*word != word_of(a, at) || word[1])
				snprintf(text, size, "bad: area %d has %lx at %zx\n", (int)(a - areas), *word, at);
		}
		open_area(a, a->prot);
	}
}

static void answer(void)
{
	char text[120];

	check(text, sizeof(text));
	answer_in(dir, "answer", text);
}

static void add(size_t size, size_t step, const struct kind *kind)
{
	struct area *a = &areas[nr_areas++];
	const int lock_on_fault = kind->locked == 2 ? MLOCK_ONFAULT : 0;

	*a = (struct area){ .size = size, .step = step, .prot = kind->prot };
	/* Of a page more, so that neighbours do not become one mapping. */
	a->start = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->start == MAP_FAILED || munmap(a->start + size, PAGE))
		die("vast: mmap");
	if (kind->advice && madvise(a->start, size, kind->advice))
		die("vast: madvise");
	if (kind->locked && mlock2(a->start, size, lock_on_fault))
		die("vast: mlock2");
}

static void set_up(const char *what)
{
	static const struct kind vast = { PROT_READ | PROT_WRITE, MADV_NOHUGEPAGE, 0 };

	if (atol(what) > 0)
		add(atol(what) << 30, 1ul << 30, &vast);
	else if (!strcmp(what, "untouched"))
		add(16ul << 30, 0, &vast);
	else if (!strcmp(what, "swapped"))
		add(16ul << 20, PAGE, &vast);
	else
		for (int i = 0; i < KINDS; i++)
			add(SMALL * PAGE, 3 * PAGE, &kinds[i]);
	write_words();
	if (!strcmp(what, "swapped") && madvise(areas[0].start, areas[0].size, MADV_PAGEOUT))
		die("vast: MADV_PAGEOUT");
}

int main(int argc, char **argv)
{
	sigset_t set;
	int sig;

	if (argc != 3) {
		fprintf(stderr, "usage: vast DIR N|untouched|swapped|kinds\n");
		return 2;
	}
	dir = argv[1];
	block_questions(&set);
	set_up(argv[2]);
	/* Not answer(): looking at swapped memory would bring it back. */
	answer_in(dir, "answer", "");
	for (;;) {
		if (sigwait(&set, &sig))
			continue;
		if (sig == SIGUSR2) {
			round_of_words++;
			write_words();
		}
		answer();
	}
}
