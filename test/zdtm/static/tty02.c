// SPDX-License-Identifier: GPL-2.0-only
/* A job that has its terminal open under its own name, with other flags, and as /dev/tty. */
/* zdtm: opts=--shell-job flags=pty */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int tty, again;
	struct stat st;

	test_init(argc, argv);
	tty = open("/dev/tty", O_RDWR | O_NONBLOCK);
	again = open(ttyname(STDIN_FILENO), O_WRONLY | O_NOCTTY);
	if (tty < 0 || again < 0) {
		pr_perror("cannot open the terminal");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if ((fcntl(tty, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) != (O_RDWR | O_NONBLOCK) || fstat(tty, &st))
		fail_errno("/dev/tty has the flags %#o", fcntl(tty, F_GETFL));
	else if (st.st_rdev != 5 << 8)
		fail("/dev/tty is the device %#lx", (long)st.st_rdev);
	else if ((fcntl(again, F_GETFL) & O_ACCMODE) != O_WRONLY || !isatty(again))
		fail_errno("the terminal is not open for writing");
	else if (write(tty, "x", 1) != 1 || write(again, "x", 1) != 1)
		fail_errno("cannot write to the terminal");
	else
		pass();
	return 0;
}
