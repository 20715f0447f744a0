// SPDX-License-Identifier: GPL-2.0-only
/* Memory of huge pages that a parent and a child share: what one writes the other reads. */
/* zdtm: needs=huge-pages */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const size_t huge = 2 << 20;
static volatile unsigned char *memory;

static int body(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	if (memory[0] != 'p')
		return 1;
	memory[1] = 'c';
	return 0;
}

/* In units of 512 bytes: what is allocated of the object. */
static long blocks(void)
{
	struct stat st;
	char link[80];

	snprintf(link, sizeof(link), "/proc/self/map_files/%lx-%lx", (unsigned long)memory,
		 (unsigned long)memory + 3 * huge);
	return stat(link, &st) ? -1 : st.st_blocks;
}

int main(int argc, char **argv)
{
	long before;
	pid_t pid;

	test_init(argc, argv);
	memory = mmap(NULL, 3 * huge, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	/* The page between is not there. */
	memory[0] = 'a';
	memory[3 * huge - 1] = 'z';
	pid = start_child(body, NULL);
	before = blocks();
	if (pid < 0 || before < 0) {
		pr_perror("fork, map_files");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (memory[0] != 'a' || memory[3 * huge - 1] != 'z')
		fail("the memory has other contents");
	else if (blocks() != before)
		fail("%ld blocks are allocated, and not %ld", blocks(), before);
	else {
		memory[0] = 'p';
		if (finish_child(pid) || memory[1] != 'c')
			fail("the memory is not shared");
		else
			pass();
	}
	return 0;
}
