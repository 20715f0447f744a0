// SPDX-License-Identifier: GPL-2.0-only
/* Seals of files in memory; one that may not be written to any more by others than who has it mapped. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 4096 };

static int sealed(const char *name, unsigned int flags, int seals, const char *text)
{
	int fd = memfd_create(name, flags);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || (seals && fcntl(fd, F_ADD_SEALS, seals))) {
		pr_perror("%s", name);
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	int whole, future, never, open_to_seals;
	char *map;

	test_init(argc, argv);
	whole = sealed("whole", MFD_ALLOW_SEALING, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, "whole");
	never = sealed("never", 0, 0, "never");
	open_to_seals = sealed("open", MFD_ALLOW_SEALING, 0, "open");
	future = memfd_create("future", MFD_ALLOW_SEALING);
	if (whole < 0 || never < 0 || open_to_seals < 0 || future < 0 || ftruncate(future, SIZE))
		return 1;
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0);
	if (map == MAP_FAILED || fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW)) {
		pr_perror("future");
		return 1;
	}

	test_daemon();
	test_waitsig();

	map[0] = 'm';
	if (fcntl(whole, F_GET_SEALS) != (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		fail("the seals are %#x", fcntl(whole, F_GET_SEALS));
	else if (write(whole, "x", 1) != -1 || errno != EPERM)
		fail("it can be written to");
	else if (fcntl(never, F_ADD_SEALS, F_SEAL_WRITE) != -1 || write(never, "x", 1) != 1)
		fail("what was not to be sealed is");
	else if (fcntl(open_to_seals, F_GET_SEALS) != 0 || fcntl(open_to_seals, F_ADD_SEALS, F_SEAL_GROW))
		fail("it cannot be sealed any more");
	else if (pwrite(future, "x", 1, 1) != -1 || pread(future, &map[2], 1, 0) != 1 || map[2] != 'm')
		fail("the mapping is not what it was");
	else
		pass();
	return 0;
}
