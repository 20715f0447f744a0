// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagram sockets whose peers have gone, which had an abstract name and a path in turn: each remembers the name that
 * it was connected to.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(filename, "a socket");

#define NR 4

static struct sockaddr_un names[NR];
static socklen_t sizes[NR];
static int fds[NR];

static void set_names(void)
{
	int i;

	for (i = 0; i < NR; i++) {
		char *name = names[i].sun_path;

		names[i].sun_family = AF_UNIX;
		if (i % 2 == 0)
			sizes[i] = 1 + snprintf(name + 1, sizeof(names[i].sun_path) - 1, "unix-gone01-%d-%d", i, getpid());
		else
			sizes[i] = 1 + snprintf(name, sizeof(names[i].sun_path), "%s-%d", filename, i);
		sizes[i] += offsetof(struct sockaddr_un, sun_path);
	}
}

static int connect_to_gone(int i)
{
	int peer = socket(AF_UNIX, SOCK_DGRAM, 0);

	fds[i] = socket(AF_UNIX, SOCK_DGRAM, 0);
	return peer < 0 || fds[i] < 0 || bind(peer, (struct sockaddr *)&names[i], sizes[i]) ||
	       connect(fds[i], (struct sockaddr *)&names[i], sizes[i]) || close(peer);
}

int main(int argc, char **argv)
{
	struct sockaddr_un got;
	socklen_t size;
	int i;

	test_init(argc, argv);
	set_names();
	for (i = 0; i < NR; i++) {
		if (connect_to_gone(i)) {
			pr_perror("cannot connect");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < NR; i++) {
		size = sizeof(got);
		if (getpeername(fds[i], (struct sockaddr *)&got, &size) || size != sizes[i] || memcmp(&got, &names[i], size)) {
			fail_errno("socket %d has another peer", i);
			return 1;
		}
		if (send(fds[i], "x", 1, 0) != -1 || errno != ECONNREFUSED) {
			fail_errno("a datagram goes to who has gone");
			return 1;
		}
	}
	pass();
	return 0;
}
