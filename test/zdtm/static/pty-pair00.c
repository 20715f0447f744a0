// SPDX-License-Identifier: GPL-2.0-only
/* Both ends of a pseudo-terminal, its number, its modes and its size. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 11, .ws_col = 22, .ws_xpixel = 33, .ws_ypixel = 44 }, now;
	struct termios wanted, modes;
	char name[64], buf[16];
	int master, slave;

	test_init(argc, argv);
	if (openpty(&master, &slave, name, NULL, &size) || tcgetattr(slave, &wanted)) {
		pr_perror("openpty");
		return 1;
	}
	wanted.c_lflag &= ~(ECHO | ICANON);
	wanted.c_oflag |= OLCUC;
	wanted.c_cc[VINTR] = 7;
	wanted.c_cc[VMIN] = 3;
	if (tcsetattr(slave, TCSANOW, &wanted)) {
		pr_perror("tcsetattr");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!ptsname(master) || strcmp(ptsname(master), name) || strcmp(ttyname(slave), name))
		fail("the slave is %s, was %s", ptsname(master), name);
	else if (tcgetattr(slave, &modes) || modes.c_iflag != wanted.c_iflag || modes.c_oflag != wanted.c_oflag ||
		 modes.c_cflag != wanted.c_cflag || modes.c_lflag != wanted.c_lflag ||
		 memcmp(modes.c_cc, wanted.c_cc, VEOL2 + 1))
		fail_errno("the modes are %x %x %x %x", modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag);
	else if (ioctl(slave, TIOCGWINSZ, &now) || memcmp(&now, &size, sizeof(size)))
		fail_errno("the size is %d x %d", now.ws_row, now.ws_col);
	else if (write(slave, "hello", 5) != 5 || read_all(master, buf, 5) != 5 || memcmp(buf, "HELLO", 5))
		fail_errno("the master does not read what the slave wrote");
	else if (write(master, "abc", 3) != 3 || read_all(slave, buf, 3) != 3 || memcmp(buf, "abc", 3))
		fail_errno("the slave does not read what the master wrote");
	else
		pass();
	return 0;
}
