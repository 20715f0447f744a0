// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session with a terminal of the tree's own: the leader, a group in the background and one that has the terminal.
 * Ctrl-C reaches the latter alone.
 */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int master, slave;

static int member(void *arg)
{
	sigset_t interrupt;

	(void)arg;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, NULL);
	setpgid(0, 0);
	child_ready();
	test_waitsig();
	return sigtimedwait(&interrupt, NULL, &(struct timespec){ 0, 0 }) == SIGINT ? 0 : 3;
}

static int leader(void *arg)
{
	pid_t front, back;
	int tty;

	(void)arg;
	close(master);
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0))
		return 1;
	tty = open("/dev/tty", O_RDWR);
	close(slave);
	front = start_child(member, NULL);
	back = start_child(member, NULL);
	signal(SIGTTOU, SIG_IGN);
	if (tty < 0 || front < 0 || back < 0 || tcsetpgrp(tty, front))
		return 2;
	child_ready();
	test_waitsig();
	if (tcgetpgrp(tty) != front || tcgetsid(tty) != getpid())
		return 4;
	if (finish_child(front) != 0 || finish_child(back) != 3)
		return 5;
	return write(tty, "done", 4) == 4 ? 0 : 6;
}

int main(int argc, char **argv)
{
	char buf[16] = "";
	pid_t pid;
	int status;

	test_init(argc, argv);
	if (openpty(&master, &slave, NULL, NULL, NULL)) {
		pr_perror("openpty");
		return 1;
	}
	pid = start_child(leader, NULL);
	if (pid < 0) {
		pr_err("the leader failed");
		return 1;
	}
	close(slave);

	test_daemon();
	test_waitsig();

	if (write(master, "\3", 1) != 1 || read_all(master, buf, 2) != 2 || memcmp(buf, "^C", 2))
		fail_errno("the terminal says %s to a Ctrl-C", buf);
	else if ((status = finish_child(pid)))
		fail("the leader ended with %d", status);
	else if (read_all(master, buf, 4) != 4 || memcmp(buf, "done", 4))
		fail_errno("the leader is not heard");
	else
		pass();
	return 0;
}
