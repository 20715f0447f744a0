// SPDX-License-Identifier: GPL-2.0-only
/* As sem00, by a task with so many descriptors that they are looked at by several threads. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#define OPENS 500

int main(int argc, char **argv)
{
	struct sembuf up = { .sem_num = 0, .sem_op = 1 };
	int id, value;

	test_init(argc, argv);
	id = semget(IPC_PRIVATE, 1, 0600);
	if (id < 0 || semop(id, &up, 1)) {
		pr_perror("cannot set up");
		return 1;
	}
	for (int i = 0; i < OPENS; i++)
		if (open("/dev/null", O_RDONLY) < 0) {
			pr_perror("open");
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
