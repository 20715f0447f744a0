// SPDX-License-Identifier: GPL-2.0-only
/*
 * A System V segment of huge pages, whose size lies within a page and which has a hole: two tasks have it
 * attached, each twice, once only to read.
 */
/* zdtm: needs=huge-pages */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#define HUGE (2UL << 20)
#define SIZE (2 * HUGE + 5000)

static volatile char *memory;

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	if (memory[0] != 'p' || memory[3 * HUGE - 1] != 'z')
		return 1;
	memory[1] = 'c';
	return 0;
}

/* In kB, of the mapping there; 0: there is none. */
static long page_size(volatile char *at)
{
	char line[256], start[20];
	long size = 0;
	int here = 0;
	FILE *smaps = fopen("/proc/self/smaps", "r");

	snprintf(start, sizeof(start), "%lx-", (unsigned long)at);
	while (smaps && !size && fgets(line, sizeof(line), smaps)) {
		here = here || !strncmp(line, start, strlen(start));
		if (here)
			sscanf(line, "KernelPageSize: %ld", &size);
	}
	if (smaps)
		fclose(smaps);
	return size;
}

int main(int argc, char **argv)
{
	volatile char *seen;
	struct shmid_ds ds;
	pid_t pid;
	key_t key;
	int id;

	test_init(argc, argv);
	key = 0x5a445600 + getpid();
	id = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | SHM_HUGETLB | 0600);
	if (id < 0) {
		pr_perror("shmget");
		return 1;
	}
	memory = shmat(id, NULL, 0);
	seen = shmat(id, NULL, SHM_RDONLY);
	if (memory == (void *)-1 || seen == (void *)-1) {
		pr_perror("shmat");
		shmctl(id, IPC_RMID, NULL);
		return 1;
	}
	memory[0] = 'a';
	memory[3 * HUGE - 1] = 'z';
	pid = start_child(child, NULL);
	if (pid < 0) {
		shmctl(id, IPC_RMID, NULL);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (shmctl(id, IPC_STAT, &ds) || ds.shm_segsz != SIZE || ds.shm_nattch != 4 || shmget(key, 0, 0) != id)
		fail_errno("it has %zu bytes and is attached %lu times", ds.shm_segsz, (unsigned long)ds.shm_nattch);
	else if (seen[0] != 'a' || seen[HUGE] || seen[3 * HUGE - 1] != 'z')
		fail("the memory has other contents");
	else if (page_size(memory) != 2048 || page_size(seen) != 2048)
		fail("the pages have %ld and %ld kB", page_size(memory), page_size(seen));
	else {
		memory[0] = 'p';
		if (finish_child(pid) || seen[1] != 'c')
			fail("the memory is not shared");
		else if (shmdt((void *)seen) || shmdt((void *)memory))
			fail_errno("cannot detach it");
		else
			pass();
	}
	shmctl(id, IPC_RMID, NULL);
	return 0;
}
