// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagram sockets whose peers have gone, which had an abstract name and a path in turn: each remembers the name that
 * it was connected to. So do three of one that had a name as an end of a pair: its other end, and two that were
 * connected to it since it had left that, the one older and the other younger than the pair. To one it has sent.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(filename, "a socket");

#define NR 4
#define NR_SAME 3

static struct sockaddr_un names[NR + NR_SAME];
static socklen_t sizes[NR + NR_SAME];
static int fds[NR + NR_SAME];

static void set_names(void)
{
	int i;

	for (i = 0; i <= NR; i++) {
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

static int make_left_pair(void)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	const struct sockaddr *name = (const struct sockaddr *)&names[NR];
	int older = socket(AF_UNIX, SOCK_DGRAM, 0), pair[2], younger;
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1;

	size += snprintf(own.sun_path + 1, sizeof(own.sun_path) - 1, "unix-gone01-younger-%d", getpid());
	if (older < 0 || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) || (younger = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0 ||
	    bind(pair[1], name, sizes[NR]) || connect(pair[1], &nobody, sizeof(nobody)) ||
	    connect(older, name, sizes[NR]) || connect(younger, name, sizes[NR]) ||
	    bind(younger, (struct sockaddr *)&own, size) ||
	    sendto(pair[1], "sent", 4, 0, (struct sockaddr *)&own, size) != 4 || close(pair[1]))
		return -1;
	names[NR + 1] = names[NR + 2] = names[NR];
	sizes[NR + 1] = sizes[NR + 2] = sizes[NR];
	fds[NR] = older, fds[NR + 1] = pair[0], fds[NR + 2] = younger;
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un got;
	socklen_t size;
	char text[8];
	int i;

	test_init(argc, argv);
	set_names();
	for (i = 0; i < NR; i++) {
		if (connect_to_gone(i)) {
			pr_perror("cannot connect");
			return 1;
		}
	}

	if (make_left_pair()) {
		pr_perror("cannot connect to an end of a pair");
		return 1;
	}

	test_daemon();
	test_waitsig();

	size = sizeof(got);
	if (recvfrom(fds[NR + 2], text, sizeof(text), MSG_DONTWAIT, (struct sockaddr *)&got, &size) != 4 ||
	    memcmp(text, "sent", 4) || size != sizes[NR] || memcmp(&got, &names[NR], size)) {
		fail_errno("what it sent is lost");
		return 1;
	}
	for (i = 0; i < NR + NR_SAME; i++) {
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
