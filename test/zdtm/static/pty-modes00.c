// SPDX-License-Identifier: GPL-2.0-only
/* Packet mode, exclusive mode, modes that are locked, and a slave that cannot be opened. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct termios locked = { .c_lflag = ECHO, .c_cc = { [VINTR] = 1 } }, now;
	int master, slave, value, on = 1, off = 0;
	char buf[8];

	test_init(argc, argv);
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &off)) {
		pr_perror("cannot open a master");
		return 1;
	}
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (slave < 0 || ioctl(master, TIOCPKT, &on) || ioctl(slave, TIOCEXCL) ||
	    ioctl(slave, TIOCSLCKTRMIOS, &locked) || ioctl(master, TIOCSPTLCK, &on)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (ioctl(master, TIOCGPKT, &value) || value != 1)
		fail_errno("packet mode is %d", value);
	else if (write(slave, "x", 1) != 1 || read(master, buf, sizeof(buf)) != 2 || buf[0] != TIOCPKT_DATA ||
		 buf[1] != 'x')
		fail_errno("the master does not read packets");
	else if (ioctl(slave, TIOCGEXCL, &value) || value != 1)
		fail_errno("exclusive mode is %d", value);
	else if (ioctl(master, TIOCGEXCL, &value) || value != 0)
		fail_errno("exclusive mode of the master is %d", value);
	else if (ioctl(slave, TIOCGLCKTRMIOS, &now) || now.c_lflag != ECHO || now.c_cc[VINTR] != 1 || now.c_cc[VQUIT])
		fail_errno("the locked modes are %x", now.c_lflag);
	else if (ioctl(master, TIOCGPTLCK, &value) || value != 1)
		fail_errno("the slave's lock is %d", value);
	else if (ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY) >= 0 || errno != EIO)
		fail_errno("a locked slave can be opened");
	else
		pass();
	return 0;
}
