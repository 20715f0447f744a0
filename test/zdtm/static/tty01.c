// SPDX-License-Identifier: GPL-2.0-only
/* A job that has changed the modes and the control characters of the shell's terminal, which gets others meanwhile. */
/* zdtm: opts=--shell-job flags=pty */
#include "zdtmtst.h"

#include <termios.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct termios wanted, modes;

	test_init(argc, argv);
	if (tcgetattr(STDIN_FILENO, &wanted)) {
		pr_perror("stdin is no terminal");
		return 1;
	}
	wanted.c_iflag &= ~ICRNL;
	wanted.c_oflag &= ~OPOST;
	wanted.c_cflag |= CSTOPB;
	wanted.c_lflag &= ~(ECHO | ICANON);
	for (int i = 0; i < VEOL2; i++)
		wanted.c_cc[i] = 100 + i;
	/* Of a terminal that belongs to another process group. */
	signal(SIGTTOU, SIG_IGN);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &wanted)) {
		pr_perror("tcsetattr");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (tcgetattr(STDIN_FILENO, &modes))
		fail_errno("stdin is no terminal any more");
	else if (modes.c_iflag != wanted.c_iflag || modes.c_oflag != wanted.c_oflag ||
		 modes.c_cflag != wanted.c_cflag || modes.c_lflag != wanted.c_lflag)
		fail("the modes are %x %x %x %x, were %x %x %x %x", modes.c_iflag, modes.c_oflag, modes.c_cflag,
		     modes.c_lflag, wanted.c_iflag, wanted.c_oflag, wanted.c_cflag, wanted.c_lflag);
	else if (memcmp(modes.c_cc, wanted.c_cc, VEOL2 + 1))
		fail("the control characters are others: %d %d %d, were %d %d %d", modes.c_cc[0], modes.c_cc[1],
		     modes.c_cc[4], wanted.c_cc[0], wanted.c_cc[1], wanted.c_cc[4]);
	else
		pass();
	return 0;
}
