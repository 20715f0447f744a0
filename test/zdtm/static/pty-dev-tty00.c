// SPDX-License-Identifier: GPL-2.0-only
/* The terminals of two sessions as /dev/tty, one of them in the hands of a task of neither. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ends[2][2], ttys[2];

/* The descriptor table is the parent's, while it waits. */
static int open_it(int slave)
{
	pid_t pid = syscall(SYS_clone, CLONE_FILES | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) || dup2(open("/dev/tty", O_RDWR), 50) != 50)
			_exit(1);
		_exit(0);
	}
	return reap_child(pid) ? -1 : 50;
}

static int leader(void *arg)
{
	(void)arg;
	if (setsid() < 0 || ioctl(ends[1][1], TIOCSCTTY, 0))
		return 1;
	ttys[1] = open("/dev/tty", O_RDWR);
	if (ttys[1] < 0)
		return 2;
	child_ready();
	test_waitsig();
	return write(ttys[1], "two", 3) == 3 ? 0 : 3;
}

int main(int argc, char **argv)
{
	char buf[8] = "";
	struct stat st;
	pid_t pid;

	test_init(argc, argv);
	if (openpty(&ends[0][0], &ends[0][1], NULL, NULL, NULL) || openpty(&ends[1][0], &ends[1][1], NULL, NULL, NULL)) {
		pr_perror("openpty");
		return 1;
	}
	ttys[0] = open_it(ends[0][1]);
	pid = start_child(leader, NULL);
	if (ttys[0] < 0 || pid < 0) {
		pr_err("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fstat(ttys[0], &st) || st.st_rdev != 5 << 8)
		fail_errno("the device is %#lx", (long)st.st_rdev);
	else if (write(ttys[0], "one", 3) != 3 || read_all(ends[0][0], buf, 3) != 3 || memcmp(buf, "one", 3))
		fail_errno("the first is not /dev/tty: %s", buf);
	else if (finish_child(pid) || read_all(ends[1][0], buf, 3) != 3 || memcmp(buf, "two", 3))
		fail_errno("the second is not /dev/tty: %s", buf);
	else
		pass();
	return 0;
}
