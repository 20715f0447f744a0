// SPDX-License-Identifier: GPL-2.0-only
/* Private memory of huge pages: its contents, its flags, and that a child has it since fork(2). */
/* zdtm: needs=huge-pages */
#include "zdtmtst.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const size_t huge = 2 << 20;
static unsigned char *memory;

/* Whether a mapping has a flag in smaps, of two letters. */
static bool has_flag(const void *at, const char *flag)
{
	char line[512], start[32];
	bool here = false, found = false;
	FILE *smaps = fopen("/proc/self/smaps", "r");

	snprintf(start, sizeof(start), "%lx-", (unsigned long)at);
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (!strncmp(line, start, strlen(start)))
			here = true;
		if (here && !strncmp(line, "VmFlags:", 8)) {
			found = strstr(line, flag) != NULL;
			break;
		}
	}
	if (smaps)
		fclose(smaps);
	return found;
}

static int body(void *arg)
{
	(void)arg;
	memory[huge] = 'c';
	child_ready();
	test_waitsig();
	return memory[0] == 'a' && memory[huge] == 'c' && memory[3 * huge - 1] == 'z' ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned char *readable;
	uint32_t crc = CRC_INIT;
	pid_t pid;

	test_init(argc, argv);
	/* Of the last page nothing is there yet. */
	memory = mmap(NULL, 4 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	readable = mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED || readable == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	memory[0] = 'a';
	memory[huge] = 'b';
	memory[3 * huge - 1] = 'z';
	datagen(readable, huge, &crc);
	if (mprotect(readable, huge, PROT_READ)) {
		pr_perror("mprotect");
		return 1;
	}
	pid = start_child(body, NULL);
	if (pid < 0) {
		pr_perror("fork");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (memory[0] != 'a' || memory[huge] != 'b' || memory[3 * huge - 1] != 'z')
		fail("the memory has other contents");
	else if (datachk(readable, huge, crc))
		fail("the memory that can only be read has other contents");
	else if (!has_flag(memory, " ht") || !has_flag(memory, " nr") || !has_flag(readable, " ht"))
		fail("it is of ordinary pages, or reserved");
	else if (memory[4 * huge - 1] != 0)
		fail("what was not there has contents");
	else if (finish_child(pid))
		fail("the child has other contents");
	else
		pass();
	return 0;
}
