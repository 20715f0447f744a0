// SPDX-License-Identifier: GPL-2.0-only
/*
 * Much memory of their own in two processes, which has nothing in common: enough for several threads to fill it, in
 * single pages, in pieces, and with pages between that nothing was written to.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 6000, WORDS = PAGE / sizeof(uint64_t) };

/* Of each dozen of pages: one alone, a hole of two, five together, another hole of four. */
static int is_hole(size_t number)
{
	size_t at = number % 12;

	return at == 1 || at == 2 || at >= 8;
}

/* Each word has its number and the process's. */
static uint64_t *fill(uint64_t whose)
{
	uint64_t *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t i;

	if (memory == MAP_FAILED || madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE))
		return NULL;
	for (i = 0; i < (size_t)PAGES * WORDS; i++)
		if (!is_hole(i / WORDS))
			memory[i] = whose << 32 | i;
	/* Filled although it cannot be written to. */
	return mprotect(memory + PAGES / 2 * WORDS, 100 * PAGE, PROT_READ) ? NULL : memory;
}

/* 0, or what is wrong. */
static int check(const uint64_t *memory, uint64_t whose)
{
	static uint64_t there[PAGES]; /* proc(5), /proc/pid/pagemap: bit 63, or 62 where it is swapped out */
	int fd = open("/proc/self/pagemap", O_RDONLY);
	ssize_t n = pread(fd, there, sizeof(there), (uintptr_t)memory / PAGE * sizeof(*there));
	size_t i;

	close(fd);
	if (n != sizeof(there))
		return 2;
	/* The others may come when they are touched. */
	for (i = 0; i < PAGES; i++)
		if (is_hole(i) && there[i] >> 62)
			return 3;
	for (i = 0; i < (size_t)PAGES * WORDS; i++)
		if (memory[i] != (is_hole(i / WORDS) ? 0 : whose << 32 | i))
			return 4;
	return 0;
}

static int body(void *arg)
{
	uint64_t *memory = fill(2);

	(void)arg;
	if (!memory)
		return 1;
	child_ready();
	test_waitsig();
	return check(memory, 2);
}

int main(int argc, char **argv)
{
	uint64_t *memory;
	int wrong, wrong_in_child;
	pid_t pid;

	test_init(argc, argv);
	pid = start_child(body, NULL);
	memory = fill(1);
	if (pid < 0 || !memory) {
		pr_perror("cannot make a child, or memory");
		return 1;
	}

	test_daemon();
	test_waitsig();

	wrong = check(memory, 1);
	wrong_in_child = finish_child(pid);
	if (wrong || wrong_in_child)
		fail("the memory is wrong: %d, the child's: %d", wrong, wrong_in_child);
	else
		pass();
	return 0;
}
