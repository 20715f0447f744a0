// SPDX-License-Identifier: GPL-2.0-only
/* A session on a virtual console, which it has put into another mode. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int leader(void *arg)
{
	struct termios modes;
	int vt = -1;

	(void)arg;
	if (setsid() < 0 || (vt = open("/dev/tty11", O_RDWR)) < 0 || tcgetsid(vt) != getpid() || tcgetattr(vt, &modes))
		return 1;
	modes.c_lflag &= ~(ICANON | ECHO);
	modes.c_cc[VINTR] = 7;
	if (tcsetattr(vt, TCSANOW, &modes))
		return 2;
	child_ready();
	test_waitsig();
	if (tcgetsid(vt) != getpid() || tcgetpgrp(vt) != getpid() || open("/dev/tty", O_RDWR) < 0)
		return 3;
	if (tcgetattr(vt, &modes) || modes.c_cc[VINTR] != 7 || (modes.c_lflag & (ICANON | ECHO)))
		return 4;
	return 0;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	test_init(argc, argv);
	if (access("/dev/tty11", R_OK | W_OK))
		skip("this machine has no virtual console: %s", strerror(errno));
	pid = start_child(leader, NULL);
	if (pid < 0) {
		pr_err("the leader failed");
		return 1;
	}

	test_daemon();
	test_waitsig();

	status = finish_child(pid);
	if (status)
		fail("the leader ended with %d", status);
	else
		pass();
	return 0;
}
