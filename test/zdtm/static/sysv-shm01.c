// SPDX-License-Identifier: GPL-2.0-only
/*
 * A System V segment that is marked for destruction (IPC_RMID) and locked, in common by two tasks: one
 * inherited it, and may write; it is there until the last of them has gone.
 */
#include "zdtmtst.h"

#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#define SIZE (1 << 20)
#define LOCKED 02000 /* SHM_LOCKED */

static char *p;

static int child(void *arg)
{
	(void)arg;
	p[1] = 'c';
	child_ready();
	test_waitsig();
	if (p[0] != 'n') {
		fail("the child does not see what its parent writes: %c", p[0]);
		return 1;
	}
	p[1] = 'C';
	return 0;
}

int main(int argc, char **argv)
{
	struct shmid_ds ds;
	pid_t pid;
	int id;

	test_init(argc, argv);
	id = shmget(IPC_PRIVATE, SIZE, 0600);
	p = shmat(id, NULL, 0);
	if (id < 0 || p == (void *)-1 || shmctl(id, IPC_RMID, NULL) || shmctl(id, SHM_LOCK, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	p[0] = 'p';
	p[SIZE - 1] = 'e';
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (p[0] != 'p' || p[1] != 'c' || p[SIZE - 1] != 'e')
		fail("the contents changed: %c%c%c", p[0], p[1], p[SIZE - 1]);
	p[0] = 'n';
	if (shmctl(id, IPC_STAT, &ds))
		fail_errno("cannot examine the segment");
	else if ((ds.shm_perm.mode & 07777) != (0600 | SHM_DEST | LOCKED) || ds.shm_nattch != 2)
		fail("mode %o, attached %lu times", ds.shm_perm.mode, (unsigned long)ds.shm_nattch);
	else if (finish_child(pid))
		fail("the child failed");
	else if (p[1] != 'C')
		fail("what the child writes does not show: %c", p[1]);
	else if (shmdt(p) || !shmctl(id, IPC_STAT, &ds))
		fail("it is still there when the last one has gone");
	else
		pass();
	return 0;
}
