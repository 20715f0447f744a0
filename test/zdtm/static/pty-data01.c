// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines that were typed and not read: whole ones, one that ends with an end of file, an end of file alone, one that
 * ends with another character, one with a newline in it, and one that is not finished and that can still be edited.
 */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

static int reads(int fd, const char *line)
{
	char buf[64];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n == (ssize_t)strlen(line) && !memcmp(buf, line, n))
		return 1;
	fail_errno("read %zd bytes in the place of %s", n, line);
	return 0;
}

int main(int argc, char **argv)
{
	static const char typed[] = "one\ntwo\4\4three;\xff" "a\26\nb\n\26\3\26\177x\nabc";
	struct termios modes;
	int master, slave;
	char buf[64];

	test_init(argc, argv);
	if (openpty(&master, &slave, NULL, NULL, NULL) || tcgetattr(slave, &modes)) {
		pr_perror("openpty");
		return 1;
	}
	modes.c_cc[VEOL] = ';';
	modes.c_lflag &= ~ECHO;
	if (tcsetattr(slave, TCSANOW, &modes) || fcntl(slave, F_SETFL, O_NONBLOCK) || fcntl(master, F_SETFL, O_NONBLOCK) ||
	    write(master, typed, sizeof(typed) - 1) != sizeof(typed) - 1) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	/* Nothing of it is echoed once more. */
	if (read(master, buf, sizeof(buf)) != -1 || errno != EAGAIN) {
		fail("the master reads something");
		return 1;
	}
	/* The last line loses its last two characters. */
	if (write(master, "\177\177xy\n", 5) != 5) {
		fail_errno("cannot write");
		return 1;
	}
	if (reads(slave, "one\n") && reads(slave, "two") && reads(slave, "") && reads(slave, "three;") &&
	    reads(slave, "\xff" "a\nb\n") && reads(slave, "\3\177x\n") && reads(slave, "axy\n"))
		pass();
	return 0;
}
