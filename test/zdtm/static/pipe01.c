// SPDX-License-Identifier: GPL-2.0-only
/* Pipes between a parent and a child, in both directions, with data on the way. */
#include "zdtmtst.h"

#include <unistd.h>

static int down[2], up[2];

static int child(void *arg)
{
	char buf[16] = "";

	(void)arg;
	close(down[1]);
	close(up[0]);
	if (write(up[1], "early up", 8) != 8)
		return 1;
	child_ready();
	if (read(down[0], buf, 10) != 10 || memcmp(buf, "early down", 10)) {
		fail("the child reads %.10s", buf);
		return 1;
	}
	/* Blocks here when the dump comes. */
	if (read(down[0], buf, 9) != 9 || memcmp(buf, "late down", 9)) {
		fail("the child reads %.9s", buf);
		return 1;
	}
	if (write(up[1], "late up", 7) != 7) {
		fail_errno("the child cannot write");
		return 1;
	}
	return read(down[0], buf, 1) != 0;
}

int main(int argc, char **argv)
{
	char buf[16] = "";
	pid_t pid;

	test_init(argc, argv);
	if (pipe(down) || pipe(up) || write(down[1], "early down", 10) != 10) {
		pr_perror("pipe");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;
	close(down[0]);
	close(up[1]);

	test_daemon();
	test_waitsig();

	if (write(down[1], "late down", 9) != 9)
		fail_errno("cannot write");
	else if (read(up[0], buf, 8) != 8 || memcmp(buf, "early up", 8))
		fail("the data of before is %.8s", buf);
	else if (read(up[0], buf, 7) != 7 || memcmp(buf, "late up", 7))
		fail("the data of after is %.7s", buf);
	else if (close(down[1]) || reap_child(pid))
		fail("the child failed or saw no end of file");
	else if (read(up[0], buf, 1) != 0)
		fail("no end of file after the child left");
	else
		pass();
	return 0;
}
