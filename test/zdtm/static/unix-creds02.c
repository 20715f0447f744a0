// SPDX-License-Identifier: GPL-2.0-only
/* The groups of who is at the other end (SO_PEERGROUPS): of a pair, and of a client that is accepted after the restore. */
#include "zdtmtst.h"

#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MANY = 40 };
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t size;
static gid_t own[MANY];

static int child(void *arg)
{
	gid_t other = 77;
	int fd;

	(void)arg;
	if (setgroups(1, &other))
		return 1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, size))
		return 1;
	child_ready();
	test_waitsig();
	return 0;
}

static int has_groups(int fd, const gid_t *groups, int n)
{
	gid_t found[MANY] = { 0 };
	socklen_t len = sizeof(found);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, found, &len)) {
		fail_errno("no groups are told");
		return 0;
	}
	if (len == n * sizeof(gid_t) && !memcmp(found, groups, len))
		return 1;
	fail("%d groups are told, the first is %d", (int)(len / sizeof(gid_t)), found[0]);
	return 0;
}

int main(int argc, char **argv)
{
	int listening, accepted, pair[2], i;
	gid_t other = 77;
	pid_t pid;

	test_init(argc, argv);
	for (i = 0; i < MANY; i++)
		own[i] = 1000 + i;
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "unix-creds02-%d", getpid());
	size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1);
	listening = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (setgroups(MANY, own) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || listening < 0 ||
	    bind(listening, (struct sockaddr *)&address, size) || listen(listening, 5)) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;
	if (setgroups(0, NULL)) {
		pr_perror("setgroups");
		return 1;
	}

	test_daemon();
	test_waitsig();

	accepted = accept(listening, NULL, NULL);
	if (accepted < 0)
		fail_errno("the client cannot be accepted");
	else if (has_groups(pair[0], own, MANY) && has_groups(accepted, &other, 1)) {
		if (finish_child(pid))
			fail("the child has failed");
		else
			pass();
	}
	return 0;
}
