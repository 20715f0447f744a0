// SPDX-License-Identifier: GPL-2.0-only
/*
 * More lines that were typed than a terminal works on at a time. Of those that wait, a return becomes a newline and
 * Ctrl-D an end when their turn comes, and not before. One line stands across the place where work has ended.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <unistd.h>

/* zdtm: flags=pts */

enum { LINES = 80, LENGTH = 100 };

static char typed[LINES][LENGTH + 1];

static int reads(int fd, int first, int last)
{
	for (int i = first; i < last; i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char buf[2 * LENGTH];

		if (poll(&p, 1, 20000) != 1 || read(fd, buf, sizeof(buf)) != LENGTH)
			return fail_errno("line %d does not come", i), 0;
		if (memcmp(buf, typed[i], LENGTH - 1) || buf[LENGTH - 1] != '\n')
			return fail("line %d is another", i), 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct termios modes;
	int master, slave;
	char buf[LENGTH];

	test_init(argc, argv);
	if (openpty(&master, &slave, NULL, NULL, NULL) || tcgetattr(slave, &modes)) {
		pr_perror("openpty");
		return 1;
	}
	modes.c_lflag &= ~ECHO;
	modes.c_iflag |= ICRNL;
	if (tcsetattr(slave, TCSANOW, &modes) || fcntl(slave, F_SETFL, O_NONBLOCK) || fcntl(master, F_SETFL, O_NONBLOCK)) {
		pr_perror("cannot set up");
		return 1;
	}
	for (int i = 0; i < LINES; i++) {
		snprintf(typed[i], LENGTH, "%0*d", LENGTH - 1, i);
		typed[i][LENGTH - 1] = '\r';
		if (i == LINES - 10)
			typed[i][LENGTH / 2] = '\4';
		if (write(master, typed[i], LENGTH) != LENGTH) {
			pr_perror("line %d cannot be typed", i);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	if (read(master, buf, sizeof(buf)) != -1 || errno != EAGAIN)
		fail("the master reads something");
	else if (!reads(slave, 0, LINES - 10))
		return 0;
	else if (read(slave, buf, LENGTH) != LENGTH / 2 || read(slave, buf, LENGTH) != LENGTH - LENGTH / 2 - 1)
		fail_errno("an end of file in its midst does not end a line");
	else if (reads(slave, LINES - 9, LINES)) {
		if (read(slave, buf, LENGTH) != -1 || errno != EAGAIN)
			fail_errno("more comes than was typed");
		else
			pass();
	}
	return 0;
}
