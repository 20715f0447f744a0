// SPDX-License-Identifier: GPL-2.0-only
/* A System V segment of huge pages that was removed, and is there until nobody has it attached. */
/* zdtm: needs=huge-pages */
#include "zdtmtst.h"

#include <sys/ipc.h>
#include <sys/shm.h>

int main(int argc, char **argv)
{
	volatile char *memory;
	int id;

	test_init(argc, argv);
	id = shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | IPC_CREAT | 0600);
	memory = shmat(id, NULL, 0);
	if (id < 0 || memory == (void *)-1) {
		pr_perror("shmget, shmat");
		return 1;
	}
	shmctl(id, IPC_RMID, NULL);
	*memory = 'a';

	test_daemon();
	test_waitsig();

	if (*memory != 'a')
		fail("the memory has other contents");
	else
		pass();
	return 0;
}
