// SPDX-License-Identifier: GPL-2.0-only
/* Two sessions with a terminal each, of which no task has a descriptor: the kernel still knows it. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int leader(void *arg)
{
	int *ends = arg, tty;
	struct stat st;
	char name[64];

	if (ptsname_r(ends[0], name, sizeof(name)) || setsid() < 0 || ioctl(ends[1], TIOCSCTTY, 0))
		return 1;
	close(ends[0]);
	close(ends[1]);
	child_ready();
	test_waitsig();
	tty = open("/dev/tty", O_RDWR);
	if (tty < 0 || tcgetsid(tty) != getpid() || tcgetpgrp(tty) != getpid())
		return 2;
	if (stat(name, &st) || st.st_rdev != makedev(136, atoi(strrchr(name, '/') + 1)))
		return 3;
	return write(tty, name, strlen(name)) == (ssize_t)strlen(name) ? 0 : 4;
}

int main(int argc, char **argv)
{
	int ends[2][2];
	pid_t pids[2];

	test_init(argc, argv);
	for (int i = 0; i < 2; i++) {
		if (openpty(&ends[i][0], &ends[i][1], NULL, NULL, NULL)) {
			pr_perror("openpty");
			return 1;
		}
		/* The second one has the first one's master. */
		pids[i] = start_child(leader, ends[i]);
		if (pids[i] < 0) {
			pr_err("a leader failed");
			return 1;
		}
		close(ends[i][1]);
	}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++) {
		char buf[64] = "", name[64];
		int status = finish_child(pids[i]);

		if (status) {
			fail("leader %d ended with %d", i, status);
			return 1;
		}
		if (ptsname_r(ends[i][0], name, sizeof(name)) || read_all(ends[i][0], buf, strlen(name)) != strlen(name) ||
		    strcmp(buf, name)) {
			fail("leader %d says %s on %s", i, buf, name);
			return 1;
		}
	}
	pass();
	return 0;
}
