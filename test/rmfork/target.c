// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target of test/rmfork/bridge-test: one task or three, with MIB mebibytes of their own each, that
 * know what their memory has to hold.
 *
 *   target DIR MIB plain|tree|shared|locked
 *
 * tree: two children do the same. shared: some shared anonymous memory besides; locked: some locked.
 *
 * At the start and for each SIGUSR1 a task adds up its memory, compares the sum with the one it remembers,
 * changes every third page, and answers in DIR/answer.PID: `ok N SUM` or `bad N`, N counting the answers. No
 * file is open between two answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static void die(const char *what)
{
	perror(what);
	exit(1);
}

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

/* Whole or not there: it gets its name last. */
static void answer(int good)
{
	char text[80], name[512], draft[520];
	int fd, n;

	n = good ? snprintf(text, sizeof text, "ok %lu %016lx\n", answers - 1, remembered) :
		   snprintf(text, sizeof text, "bad %lu\n", answers - 1);
	snprintf(name, sizeof name, "%s/answer.%d", dir, getpid());
	snprintf(draft, sizeof draft, "%s.new", name);
	fd = open(draft, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	if (fd < 0 || write(fd, text, n) != n || close(fd) || rename(draft, name))
		die("target: cannot answer");
}

static void serve(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	remembered = sum();
	answer(1);
	for (;;) {
		if (sigwait(&set, &sig))
			continue;
		const int good = sum() == remembered;

		answers++;
		change(answers, 3);
		remembered = sum();
		answer(good);
	}
}

int main(int argc, char **argv)
{
	const char *kind = argc == 4 ? argv[3] : "";
	int children = strcmp(kind, "tree") ? 0 : CHILDREN;
	sigset_t set;

	if (argc != 4) {
		fprintf(stderr, "usage: target DIR MIB plain|tree|shared|locked\n");
		return 2;
	}
	dir = argv[1];
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
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
	serve();
}
