// SPDX-License-Identifier: GPL-2.0-only
/* A slave that is open several times, by its name and by its master, and a master that two tasks have. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int master, slave;

static int child(void *arg)
{
	char c = 0;

	(void)arg;
	child_ready();
	test_waitsig();
	return write(slave, "c", 1) == 1 && read(slave, &c, 1) == 1 && c == 'd' ? 0 : 1;
}

int main(int argc, char **argv)
{
	int reader, writer, third, same;
	struct termios modes;
	char name[64], c = 0;
	pid_t pid;

	test_init(argc, argv);
	if (openpty(&master, &slave, name, NULL, NULL) || tcgetattr(slave, &modes)) {
		pr_perror("openpty");
		return 1;
	}
	cfmakeraw(&modes);
	tcsetattr(slave, TCSANOW, &modes);
	reader = open(name, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	writer = ioctl(master, TIOCGPTPEER, O_WRONLY | O_NOCTTY);
	third = open(name, O_RDWR | O_NOCTTY | O_APPEND);
	same = dup(third);
	if (reader < 0 || writer < 0 || third < 0 || same < 0) {
		pr_perror("cannot open %s", name);
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if ((fcntl(reader, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) != (O_RDONLY | O_NONBLOCK) ||
	    (fcntl(writer, F_GETFL) & O_ACCMODE) != O_WRONLY || !(fcntl(third, F_GETFL) & O_APPEND))
		fail("the flags are %#o, %#o, %#o", fcntl(reader, F_GETFL), fcntl(writer, F_GETFL), fcntl(third, F_GETFL));
	else if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, third, same) ||
		 syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, master, master) ||
		 syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, slave, slave))
		fail("what was one open file are two");
	else if (write(master, "a", 1) != 1 || read(reader, &c, 1) != 1 || c != 'a')
		fail_errno("the reader does not read");
	else if (write(writer, "b", 1) != 1 || read(master, &c, 1) != 1 || c != 'b')
		fail_errno("the writer does not write");
	else if (write(master, "d", 1) != 1 || finish_child(pid))
		fail("the child failed");
	else if (read(master, &c, 1) != 1 || c != 'c')
		fail_errno("the child is not heard");
	else
		pass();
	return 0;
}
