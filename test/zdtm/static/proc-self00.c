// SPDX-License-Identifier: GPL-2.0-only
/* Files of /proc that belong to the task itself, open at a position; and one of the machine. */
/* zdtm: ignore=comm,fds */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char name[32] = "", uptime[64] = "";
	int comm, status, machine;
	long pos;

	test_init(argc, argv);
	comm = open("/proc/self/comm", O_RDWR);
	status = open("/proc/self/status", O_RDONLY);
	machine = open("/proc/uptime", O_RDONLY);
	if (comm < 0 || status < 0 || machine < 0 || read(status, name, 5) != 5) {
		pr_perror("/proc");
		return 1;
	}
	pos = lseek(status, 0, SEEK_CUR);

	test_daemon();
	test_waitsig();

	if (write(comm, "renamed", 7) != 7 || pread(comm, name, sizeof(name) - 1, 0) < 7 || strncmp(name, "renamed", 7))
		fail_errno("its own name is %s", name);
	else if (lseek(status, 0, SEEK_CUR) != pos)
		fail("the position is %ld, not %ld", (long)lseek(status, 0, SEEK_CUR), pos);
	else if (pread(machine, uptime, sizeof(uptime) - 1, 0) < 3 || atof(uptime) <= 0)
		fail_errno("the machine is up since %s", uptime);
	else
		pass();
	return 0;
}
