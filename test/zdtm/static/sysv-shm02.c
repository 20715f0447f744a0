// SPDX-License-Identifier: GPL-2.0-only
/*
 * One System V segment attached twice: to read (SHM_RDONLY), and to write, where a part in the middle is
 * given back, another is protected and a third one executable. What is left is one attachment each.
 */
#include "zdtmtst.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAGES 16

static size_t page;

static int attached(int id)
{
	struct shmid_ds ds;

	return shmctl(id, IPC_STAT, &ds) ? -1 : (int)ds.shm_nattch;
}

static int check(int id, char *reader, char *writer, int before)
{
	size_t i;

	for (i = 0; i < PAGES; i++)
		if (reader[i * page] != (char)('a' + i) || (i > 7 && writer[i * page] != (char)('a' + i))) {
			fail("page %zu is %c", i, reader[i * page]);
			return 1;
		}
	writer[9 * page] = 'N';
	if (reader[9 * page] != 'N')
		fail("the two are not the same any more");
	else if (!mprotect(reader, page, PROT_READ | PROT_WRITE))
		fail("the one that is read can be written to");
	else if (mprotect(writer, page, PROT_READ | PROT_WRITE))
		fail_errno("the one that is written cannot be");
	else if (attached(id) != before)
		fail("%d attachments, there were %d", attached(id), before);
	else if (shmdt(writer) || attached(id) != 1)
		fail("shmdt() leaves %d attachments", attached(id));
	else if (shmdt(reader) || attached(id) != 0)
		fail("shmdt() leaves %d attachments of the other", attached(id));
	else
		return 0;
	return 1;
}

int main(int argc, char **argv)
{
	char *reader, *writer;
	int id, before, bad;
	size_t i;

	test_init(argc, argv);
	page = sysconf(_SC_PAGESIZE);
	id = shmget(IPC_PRIVATE, PAGES * page, 0700);
	reader = shmat(id, NULL, SHM_RDONLY);
	writer = shmat(id, NULL, SHM_EXEC);
	if (id < 0 || reader == (void *)-1 || writer == (void *)-1) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < PAGES; i++)
		writer[i * page] = (char)('a' + i);
	if (munmap(writer + 4 * page, 4 * page) || mprotect(writer, page, PROT_NONE) ||
	    mprotect(writer + 8 * page, 2 * page, PROT_READ | PROT_WRITE)) {
		pr_perror("cannot cut it");
		shmctl(id, IPC_RMID, NULL);
		return 1;
	}
	before = attached(id);

	test_daemon();
	test_waitsig();

	bad = check(id, reader, writer, before);
	if (shmctl(id, IPC_RMID, NULL))
		fail_errno("cannot remove it");
	else if (!bad)
		pass();
	return 0;
}
