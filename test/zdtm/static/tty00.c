// SPDX-License-Identifier: GPL-2.0-only
/* A job of a shell: stdin is the terminal of a session that is not the test's own. */
/* zdtm: opts=--shell-job flags=pty */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct stat before, after;
	struct termios modes;

	test_init(argc, argv);
	if (!isatty(STDIN_FILENO) || fstat(STDIN_FILENO, &before)) {
		pr_perror("stdin is no terminal");
		return 1;
	}
	if (getsid(0) == getpid()) {
		pr_err("the session is the test's own");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &modes))
		fail_errno("stdin is no terminal any more");
	else if (fstat(STDIN_FILENO, &after) || after.st_rdev != before.st_rdev)
		fail("stdin is another terminal");
	else if (tcgetsid(STDIN_FILENO) != getsid(0))
		fail("the terminal is of session %d, we are in %d", tcgetsid(STDIN_FILENO), getsid(0));
	else if (open("/dev/tty", O_RDWR) < 0)
		fail_errno("there is no controlling terminal");
	else
		pass();
	return 0;
}
