// SPDX-License-Identifier: GPL-2.0-only
/* Two tasks that have nothing of a System V segment from each other, but found it by its key. */
#include "zdtmtst.h"

#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#define SIZE 20000

static key_t key;

static int child(void *arg)
{
	char *p = shmat(shmget(key, 0, 0600), NULL, 0);

	(void)arg;
	if (p == (void *)-1) {
		pr_perror("the child cannot attach it");
		return 1;
	}
	p[1] = 'c';
	child_ready();
	test_waitsig();
	if (p[0] != 'n' || shmdt(p)) {
		fail("the child does not see what its parent writes: %c", p[0]);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct shmid_ds ds;
	char *p;
	pid_t pid;
	int id;

	test_init(argc, argv);
	key = 0x5a445500 + getpid();
	id = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	if (id < 0) {
		pr_perror("cannot make a segment");
		return 1;
	}
	pid = start_child(child, NULL);
	p = shmat(id, NULL, 0);
	if (pid < 0 || p == (void *)-1) {
		pr_perror("cannot attach it");
		shmctl(id, IPC_RMID, NULL);
		return 1;
	}
	p[0] = 'p';

	test_daemon();
	test_waitsig();

	if (p[0] != 'p' || p[1] != 'c')
		fail("the contents changed: %c%c", p[0], p[1]);
	else if (shmctl(id, IPC_STAT, &ds) || ds.shm_nattch != 2)
		fail("it is attached %lu times", (unsigned long)ds.shm_nattch);
	p[0] = 'n';
	if (finish_child(pid))
		fail("the child failed");
	else if (shmctl(id, IPC_STAT, &ds) || ds.shm_nattch != 1)
		fail("it is attached %lu times when the child has gone", (unsigned long)ds.shm_nattch);
	else
		pass();
	shmctl(id, IPC_RMID, NULL);
	return 0;
}
