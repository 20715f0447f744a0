// SPDX-License-Identifier: GPL-2.0-only
/* Masters alone: the slave of one has never been opened, that of the other is closed. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int check(int fresh, int closed)
{
	struct pollfd p[] = { { .fd = fresh, .events = POLLIN }, { .fd = closed, .events = POLLIN } };
	char c;

	if (poll(p, 2, 0) != 1 || p[0].revents || !(p[1].revents & POLLHUP)) {
		fail("poll gives %#x and %#x", p[0].revents, p[1].revents);
		return -1;
	}
	if (read(fresh, &c, 1) != -1 || errno != EAGAIN) {
		fail_errno("the one that waits for its slave reads something");
		return -1;
	}
	if (read(closed, &c, 1) != -1 || errno != EIO) {
		fail_errno("the one whose slave is closed reads something");
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int fresh, closed, slave;
	char name[64], c;

	test_init(argc, argv);
	fresh = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	closed = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (fresh < 0 || closed < 0 || unlockpt(fresh) || unlockpt(closed)) {
		pr_perror("cannot open a master");
		return 1;
	}
	slave = ioctl(closed, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (slave < 0 || ptsname_r(fresh, name, sizeof(name))) {
		pr_perror("cannot open a slave");
		return 1;
	}
	close(slave);
	if (check(fresh, closed))
		return 1;

	test_daemon();
	test_waitsig();

	if (check(fresh, closed))
		return 1;
	slave = open(name, O_RDWR | O_NOCTTY);
	if (slave < 0 || write(slave, "x", 1) != 1 || read(fresh, &c, 1) != 1 || c != 'x')
		fail_errno("%s is not the slave", name);
	else
		pass();
	return 0;
}
