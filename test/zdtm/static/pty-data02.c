// SPDX-License-Identifier: GPL-2.0-only
/* What was typed for a slave that nobody has open, never or not any more, its echo, and output that is stopped. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int reads(int fd, const char *what)
{
	char buf[64];
	size_t n = read_all(fd, buf, strlen(what));

	if (n == strlen(what) && !memcmp(buf, what, n))
		return 1;
	fail_errno("read %zu bytes in the place of %s", n, what);
	return 0;
}

int main(int argc, char **argv)
{
	int fresh, closed, stopped, slave, off = 0;
	char c;

	test_init(argc, argv);
	fresh = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	closed = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	stopped = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (fresh < 0 || closed < 0 || stopped < 0 || unlockpt(closed) || unlockpt(stopped)) {
		pr_perror("cannot open a master");
		return 1;
	}
	slave = ioctl(closed, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (slave < 0 || write(slave, "bye", 3) != 3 || close(slave)) {
		pr_perror("cannot open a slave");
		return 1;
	}
	slave = ioctl(stopped, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (slave < 0 || write(stopped, "\23", 1) != 1 || write(fresh, "hello\n", 6) != 6 ||
	    write(closed, "late\n", 5) != 5) {
		pr_perror("cannot write");
		return 1;
	}
	poll(&(struct pollfd){ .fd = fresh, .events = POLLIN }, 1, -1);
	while (write(slave, "", 0) || poll(&(struct pollfd){ .fd = slave, .events = POLLOUT }, 1, 0) == 1)
		;

	test_daemon();
	test_waitsig();

	if (write(slave, "x", 1) != -1 || errno != EAGAIN) {
		fail_errno("the output is not stopped");
		return 1;
	}
	if (write(stopped, "\21", 1) != 1 || poll(&(struct pollfd){ .fd = slave, .events = POLLOUT }, 1, 5000) != 1 ||
	    write(slave, "x", 1) != 1 || !reads(stopped, "x")) {
		fail_errno("the output does not go on");
		return 1;
	}
	if (!reads(fresh, "hello\r\n") || !reads(closed, "byelate\r\n"))
		return 1;
	if (read(fresh, &c, 1) != -1 || errno != EAGAIN) {
		fail_errno("the slave has been open");
		return 1;
	}
	if (ioctl(fresh, TIOCSPTLCK, &off))
		fail_errno("cannot unlock");
	else if (reads(ioctl(fresh, TIOCGPTPEER, O_RDWR | O_NOCTTY), "hello\n") &&
		 reads(ioctl(closed, TIOCGPTPEER, O_RDWR | O_NOCTTY), "late\n"))
		pass();
	return 0;
}
