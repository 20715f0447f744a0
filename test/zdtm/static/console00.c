// SPDX-License-Identifier: GPL-2.0-only
/* The console and a virtual one, by their names: they are still there. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned int current, now;
	int console, vt, zero;
	struct stat st;

	test_init(argc, argv);
	console = open("/dev/console", O_WRONLY | O_NOCTTY);
	vt = open("/dev/tty9", O_RDWR | O_NOCTTY | O_NONBLOCK);
	zero = open("/dev/tty0", O_RDONLY | O_NOCTTY);
	if (console < 0 || vt < 0 || zero < 0)
		skip("this machine has no virtual console: %s", strerror(errno));
	if (ioctl(zero, TIOCGDEV, &current)) {
		pr_perror("TIOCGDEV");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(console, &st) || st.st_rdev != makedev(5, 1) || (fcntl(console, F_GETFL) & O_ACCMODE) != O_WRONLY)
		fail_errno("the console is the device %#lx", (long)st.st_rdev);
	else if (fstat(vt, &st) || st.st_rdev != makedev(4, 9) || !(fcntl(vt, F_GETFL) & O_NONBLOCK))
		fail_errno("the virtual console is the device %#lx", (long)st.st_rdev);
	else if (ioctl(vt, TIOCGDEV, &now) || now != makedev(4, 9) || ioctl(zero, TIOCGDEV, &now) || now != current)
		fail_errno("the terminal is %#x", now);
	else if (write(vt, "\n", 1) != 1)
		fail_errno("cannot write to the virtual console");
	else
		pass();
	return 0;
}
