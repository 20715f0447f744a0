// SPDX-License-Identifier: GPL-2.0-only
/* A server that has forked: the listening socket and its connections are in several tables. */
/* zdtm: opts=--tcp-established */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int listening, ends[2];

static int child(void *arg)
{
	char c;
	int fd;

	(void)arg;
	child_ready();
	if (read(ends[1], &c, 1) != 1 || write(ends[1], "a", 1) != 1)
		return 1;
	fd = accept(listening, NULL, NULL);
	return fd < 0 || write(fd, "n", 1) != 1;
}

int main(int argc, char **argv)
{
	int client;
	pid_t pid;
	char c = 0;

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, &listening)) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (write(ends[0], "q", 1) != 1 || read(ends[0], &c, 1) != 1 || c != 'a')
		fail_errno("the child does not answer");
	else if ((client = tcp_connect(listening, 0)) < 0 || read(client, &c, 1) != 1 || c != 'n')
		fail_errno("the child does not accept");
	else if (reap_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
