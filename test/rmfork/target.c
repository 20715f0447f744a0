// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target of test/rmfork/bridge-test and faults-test: one task or three, with MIB mebibytes of their
 * own each, that know what their memory has to hold.
 *
 *   target DIR MIB plain|tree|shared|locked|threads
 *
 * tree: two children do the same. shared: some shared anonymous memory besides; locked: some locked.
 * threads: as tree, and each task has two threads more. One does the adding up, the other ticks: there
 * is no answer unless both work.
 *
 * At the start and for each SIGUSR1 a task adds up its memory, compares the sum with the one it remembers,
 * changes every third page, and answers in DIR/answer.PID: `ok N SUM` or `bad N`, N counting the answers. No
 * file is open between two answers.
 */
#include "answers.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / sizeof(uint64_t), EXTRA = 1 << 20, CHILDREN = 2 };

struct area {
	uint64_t *words;
	size_t pages;
};

static struct area areas[2];
static const char *dir;
/* Initialised, so that they lie in a private file mapping. */
static uint64_t remembered = 1;
static unsigned long answers = 1;

static struct area make_area(size_t bytes, int flags)
{
	struct area a = { .pages = bytes / PAGE };

	if (!bytes)
		return a;
	a.words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	if (a.words == MAP_FAILED)
		die("target: mmap");
	return a;
}

static void change(uint64_t seed, size_t step)
{
	uint64_t x = 88172645463325252ULL ^ (seed * 0x9e3779b97f4a7c15ULL);

	for (int k = 0; k < 2; k++) {
		for (size_t page = seed % step; page < areas[k].pages; page += step) {
			for (size_t i = 0; i < WORDS; i++) {
				x ^= x << 13, x ^= x >> 7, x ^= x << 17;
				areas[k].words[page * WORDS + i] = x;
			}
		}
	}
}

/* Depends on the place of every word. */
static uint64_t sum(void)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < areas[k].pages * WORDS; i++)
			h = (h ^ areas[k].words[i]) * 0x100000001b3ULL;
	return h;
}

static int has_threads;
static sem_t asked, added_up, tick_asked, ticked;
static uint64_t added;

static void wait_for(sem_t *what)
{
	while (sem_wait(what))
		continue;
}

static void *add_up(void *unused)
{
	for (;;) {
		wait_for(&asked);
		added = sum();
		sem_post(&added_up);
	}
	return unused;
}

/* Asleep nearly always, when it is dumped too. */
static void *tick(void *unused)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (;;) {
		nanosleep(&pause, NULL);
		if (!sem_trywait(&tick_asked))
			sem_post(&ticked);
	}
	return unused;
}

static void start_threads(void)
{
	pthread_t thread;

	sem_init(&asked, 0, 0);
	sem_init(&added_up, 0, 0);
	sem_init(&tick_asked, 0, 0);
	sem_init(&ticked, 0, 0);
	if (pthread_create(&thread, NULL, add_up, NULL) || pthread_create(&thread, NULL, tick, NULL))
		die("target: cannot start a thread");
}

/* By every thread there is. */
static uint64_t sum_together(void)
{
	if (!has_threads)
		return sum();
	sem_post(&asked);
	sem_post(&tick_asked);
	wait_for(&added_up);
	wait_for(&ticked);
	return added;
}

static void answer(int good)
{
	char text[80];

	if (good)
		snprintf(text, sizeof(text), "ok %lu %016lx\n", answers - 1, remembered);
	else
		snprintf(text, sizeof(text), "bad %lu\n", answers - 1);
	answer_as_task(dir, text);
}

static void serve(const sigset_t *set)
{
	int sig;

	if (has_threads)
		start_threads();
	remembered = sum_together();
	answer(1);
	for (;;) {
		if (sigwait(set, &sig))
			continue;
		const int good = sum_together() == remembered;

		answers++;
		change(answers, 3);
		remembered = sum();
		answer(good);
	}
}

int main(int argc, char **argv)
{
	const char *kind = argc == 4 ? argv[3] : "";
	int children;
	sigset_t set;

	if (argc != 4) {
		fprintf(stderr, "usage: target DIR MIB plain|tree|shared|locked|threads\n");
		return 2;
	}
	dir = argv[1];
	has_threads = !strcmp(kind, "threads");
	children = has_threads || !strcmp(kind, "tree") ? CHILDREN : 0;
	block_questions(&set);
	areas[0] = make_area((size_t)atol(argv[2]) << 20, MAP_PRIVATE);
	if (!strcmp(kind, "shared"))
		areas[1] = make_area(EXTRA, MAP_SHARED);
	if (!strcmp(kind, "locked")) {
		areas[1] = make_area(EXTRA, MAP_PRIVATE);
		if (mlock(areas[1].words, EXTRA))
			die("target: mlock");
	}
	change(0, 1);
	while (children--) {
		const pid_t pid = fork();

		if (pid < 0)
			die("target: fork");
		if (pid == 0) {
			change(getpid(), 2);
			break;
		}
	}
	serve(&set);
}
