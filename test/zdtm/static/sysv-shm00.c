// SPDX-License-Identifier: GPL-2.0-only
/*
 * A System V segment with a key, of another owner than its creator, whose size lies within a page: what
 * it is, its contents up to the end of the last page, and that it can be found and removed.
 */
#include "zdtmtst.h"

#include <stdint.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAGES 40
#define SIZE (PAGES * page - 1000)

static size_t page;

static int check(int id, key_t key, const char *p, uint32_t crc)
{
	struct shmid_ds ds;

	if (shmctl(id, IPC_STAT, &ds)) {
		fail_errno("cannot examine the segment");
		return 1;
	}
	if (ds.shm_perm.__key != key || ds.shm_segsz != SIZE || (ds.shm_perm.mode & 0777) != 0640)
		fail("key %x, %zu bytes, mode %o", ds.shm_perm.__key, ds.shm_segsz, ds.shm_perm.mode);
	else if (ds.shm_perm.uid != 12 || ds.shm_perm.gid != 34 || ds.shm_perm.cuid != 0 || ds.shm_perm.cgid != 0)
		fail("owner %d:%d, creator %d:%d", ds.shm_perm.uid, ds.shm_perm.gid, ds.shm_perm.cuid,
		     ds.shm_perm.cgid);
	else if (ds.shm_nattch != 1)
		fail("it is attached %lu times", (unsigned long)ds.shm_nattch);
	else if (shmget(key, 0, 0) != id)
		fail("the key finds another");
	else if (datachk(p, 3 * page, crc) || p[PAGES * page - 1] != 'e')
		fail("the contents changed");
	else
		return 0;
	return 1;
}

int main(int argc, char **argv)
{
	key_t key;
	struct shmid_ds ds;
	uint32_t crc = CRC_INIT;
	int id, bad;
	char *p;

	test_init(argc, argv);
	page = sysconf(_SC_PAGESIZE);
	key = 0x5a445400 + getpid();
	id = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	p = shmat(id, NULL, 0);
	if (id < 0 || p == (void *)-1 || shmctl(id, IPC_STAT, &ds)) {
		pr_perror("cannot make a segment");
		return 1;
	}
	ds.shm_perm.uid = 12;
	ds.shm_perm.gid = 34;
	ds.shm_perm.mode = 0640;
	datagen(p, 3 * page, &crc);
	p[PAGES * page - 1] = 'e';
	if (shmctl(id, IPC_SET, &ds)) {
		pr_perror("cannot give it away");
		shmctl(id, IPC_RMID, NULL);
		return 1;
	}

	test_daemon();
	test_waitsig();

	bad = check(id, key, p, crc);
	if (shmdt(p) || shmctl(id, IPC_RMID, NULL))
		fail_errno("cannot remove it");
	else if (!bad)
		pass();
	return 0;
}
