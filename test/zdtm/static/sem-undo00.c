// SPDX-License-Identifier: GPL-2.0-only
/* An operation on a System V semaphore that is to be undone when the task ends (SEM_UNDO). */
/* zdtm: expect=not-yet:"(SEM_UNDO)" */
#include "zdtmtst.h"

#include <sys/ipc.h>
#include <sys/sem.h>

int main(int argc, char **argv)
{
	struct sembuf up = { .sem_num = 0, .sem_op = 1, .sem_flg = SEM_UNDO };
	int id, value;

	test_init(argc, argv);
	id = semget(IPC_PRIVATE, 1, 0600);
	if (id < 0 || semop(id, &up, 1)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	value = semctl(id, 0, GETVAL);
	semctl(id, 0, IPC_RMID);
	if (value != 1)
		fail("the semaphore is %d", value);
	else
		pass();
	return 0;
}
