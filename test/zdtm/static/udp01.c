// SPDX-License-Identifier: GPL-2.0-only
/* A UDP socket that several tasks have, a group of one port, and one that was half shut down. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int shared;

static int child(void *arg)
{
	char c = 0;

	(void)arg;
	child_ready();
	return recv(shared, &c, 1, 0) != 1 || c != 's' || send(shared, "t", 1, 0) != -1;
}

static int bound(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	socklen_t len = sizeof(*a);

	return fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
			       bind(fd, (struct sockaddr *)a, len) || getsockname(fd, (struct sockaddr *)a, &len)
		       ? -1
		       : fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, group = a;
	int sender, one, other, third;
	pid_t pid;

	test_init(argc, argv);
	shared = bound(&a);
	one = bound(&group);
	other = bound(&group);
	sender = socket(AF_INET, SOCK_DGRAM, 0);
	if (shared < 0 || one < 0 || other < 0 || connect(sender, (struct sockaddr *)&a, sizeof(a)) ||
	    shutdown(sender, SHUT_RD)) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (send(sender, "s", 1, 0) != 1 || reap_child(pid))
		fail_errno("the child does not receive");
	else if ((third = bound(&group)) < 0)
		fail_errno("no other comes into the group");
	else if (recv(sender, &a, sizeof(a), 0) != 0)
		fail_errno("what was shut down receives");
	else
		pass();
	return 0;
}
