// SPDX-License-Identifier: GPL-2.0-only
/* Slaves whose master is closed; another terminal has the number of one by now. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int master, dead, again, live;
	struct stat before, after;
	char name[64], c;

	test_init(argc, argv);
	if (openpty(&master, &dead, name, NULL, NULL)) {
		pr_perror("openpty");
		return 1;
	}
	again = open(name, O_RDONLY | O_NOCTTY);
	/* What hangs up is the session's terminal, and this session has none. */
	close(master);
	if (again < 0 || openpty(&master, &live, NULL, NULL, NULL) || fstat(dead, &before)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(dead, &after) || before.st_rdev != after.st_rdev)
		fail_errno("the device is %#lx, was %#lx", (long)after.st_rdev, (long)before.st_rdev);
	else if (read(dead, &c, 1) != 0 || read(again, &c, 1) != 0)
		fail_errno("there is no end of the input");
	else if (write(dead, "x", 1) != -1 || errno != EIO)
		fail_errno("it can be written to");
	else if ((fcntl(again, F_GETFL) & O_ACCMODE) != O_RDONLY)
		fail("the second one has flags %#o", fcntl(again, F_GETFL));
	else if (write(live, "x", 1) != 1 || read(master, &c, 1) != 1)
		fail_errno("the other terminal does not work");
	else
		pass();
	return 0;
}
