// SPDX-License-Identifier: GPL-2.0-only
/* A terminal with a speed that has no name (BOTHER of struct termios2), with input that waits. */
#include <asm/termbits.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "zdtmtst.h"

/* zdtm: flags=pts */

enum { SPEED = 54321 };

int main(int argc, char **argv)
{
	struct termios2 modes;
	int master, slave, unlock = 0;
	char c;

	test_init(argc, argv);
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) ||
	    (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY)) < 0 || ioctl(slave, TCGETS2, &modes)) {
		pr_perror("cannot make a terminal");
		return 1;
	}
	modes.c_cflag = (modes.c_cflag & ~(tcflag_t)CBAUD) | BOTHER;
	modes.c_ispeed = modes.c_ospeed = SPEED;
	modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	if (ioctl(slave, TCSETS2, &modes) || write(master, "x", 1) != 1) {
		pr_perror("cannot set a speed");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (ioctl(slave, TCGETS2, &modes) || (modes.c_cflag & CBAUD) != BOTHER || modes.c_ospeed != SPEED ||
	    modes.c_ispeed != SPEED)
		fail_errno("the speeds are %u and %u, flags %#x", modes.c_ispeed, modes.c_ospeed, modes.c_cflag);
	else if (read(slave, &c, 1) != 1 || c != 'x')
		fail_errno("what was typed is not there");
	else
		pass();
	return 0;
}
