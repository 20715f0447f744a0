// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target of test/rmfork/sharing-test: a parent with MIB mebibytes of its own, and children that
 * were forked when it had them and have written to none of it.
 *
 *   family DIR MIB CHILDREN
 *
 * SIGUSR1: a task adds up its memory, and answers in DIR/answer.PID: `ok` if that is what it has to be,
 * else `bad`. SIGUSR2: it writes to some pages at random first; every task, and every clone of one, to
 * others.
 */
#include "answers.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / sizeof(uint64_t), WRITES = 200 };

static const char *dir;
static uint64_t *words;
static size_t pages;
static uint64_t remembered;

/* What a word adds to the sum depends on its place. */
static uint64_t share(size_t i)
{
	return words[i] * (2 * i + 1);
}

static uint64_t sum(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < pages * WORDS; i++)
		all += share(i);
	return all;
}

static void fill(void)
{
	uint64_t x = 88172645463325252ULL;

	for (size_t i = 0; i < pages * WORDS; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		words[i] = x;
	}
}

static void write_at_random(void)
{
	uint64_t random[2];

	for (int n = 0; n < WRITES; n++) {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			die("family: getrandom");
		const size_t i = random[0] % (pages * WORDS);

		remembered -= share(i);
		words[i] = random[1];
		remembered += share(i);
	}
}

static void answer(void)
{
	answer_as_task(dir, sum() == remembered ? "ok\n" : "bad\n");
}

int main(int argc, char **argv)
{
	sigset_t set;
	int sig;

	if (argc != 4) {
		fprintf(stderr, "usage: family DIR MIB CHILDREN\n");
		return 2;
	}
	dir = argv[1];
	block_questions(&set);
	pages = ((size_t)atol(argv[2]) << 20) / PAGE;
	words = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED)
		die("family: mmap");
	fill();
	remembered = sum();
	for (int n = atoi(argv[3]); n > 0; n--) {
		const pid_t pid = fork();

		if (pid < 0)
			die("family: fork");
		if (pid == 0)
			break;
	}
	answer();
	for (;;) {
		if (sigwait(&set, &sig))
			continue;
		if (sig == SIGUSR2)
			write_at_random();
		answer();
	}
}
