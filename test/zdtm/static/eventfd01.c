// SPDX-License-Identifier: GPL-2.0-only
/* An eventfd that is a semaphore: each read takes one. Full, it blocks its writers. Shared by two tasks. */
/* zdtm: needs=eventfd-semaphore */
#include "zdtmtst.h"

#include <sys/eventfd.h>
#include <unistd.h>

static int semaphore;

static int child(void *arg)
{
	uint64_t value;

	(void)arg;
	child_ready();
	test_waitsig();
	return read(semaphore, &value, sizeof(value)) != sizeof(value) || value != 1;
}

int main(int argc, char **argv)
{
	uint64_t value = 3, most = UINT64_MAX - 1;
	pid_t pid;
	int full;

	test_init(argc, argv);
	semaphore = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
	full = eventfd(0, EFD_NONBLOCK);
	if (semaphore < 0 || full < 0 || write(semaphore, &value, sizeof(value)) != sizeof(value) ||
	    write(full, &most, sizeof(most)) != sizeof(most)) {
		pr_perror("eventfd");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	value = 0;
	if (finish_child(pid))
		fail("the child's read gives no 1");
	else if (read(semaphore, &value, sizeof(value)) != sizeof(value) || value != 1)
		fail("a read gives %lu", value);
	else if (read(semaphore, &value, sizeof(value)) != sizeof(value))
		fail("only two were left");
	else if (read(semaphore, &value, sizeof(value)) != -1 || errno != EAGAIN)
		fail("there are more than three");
	else if (value = 1, write(full, &value, sizeof(value)) != -1 || errno != EAGAIN)
		fail("the full one takes more");
	else if (read(full, &value, sizeof(value)) != sizeof(value) || value != most)
		fail("the full one has %lu", value);
	else
		pass();
	return 0;
}
