// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection that waits to be accepted will have what the socket that listens wants to be told of
 * who sends; one that was accepted before has what it wants itself.
 */
#include "zdtmtst.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

/* Whether the kernel knows it. */
static int has_pidfd;

static int set(int fd, int on)
{
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return -1;
	has_pidfd = !setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on));
	return 0;
}

static int has(int fd, int name)
{
	socklen_t size = sizeof(int);
	int on = -1;

	return getsockopt(fd, SOL_SOCKET, name, &on, &size) ? -1 : on;
}

static int wants(int fd, int on)
{
	return has(fd, SO_PASSCRED) == on && (!has_pidfd || has(fd, SO_PASSPIDFD) == on);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listening, clients[2], accepted, i;
	socklen_t size;

	test_init(argc, argv);
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "unix-accept00-%d", getpid());
	size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listening < 0 || bind(listening, (struct sockaddr *)&address, size) || listen(listening, 5) ||
	    set(listening, 1)) {
		pr_perror("cannot listen");
		return 1;
	}
	for (i = 0; i < 2; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		if (clients[i] < 0 || connect(clients[i], (struct sockaddr *)&address, size)) {
			pr_perror("cannot connect");
			return 1;
		}
	}
	accepted = accept(listening, NULL, NULL);
	if (accepted < 0 || set(accepted, 0)) {
		pr_perror("cannot accept");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!wants(accepted, 0) || !wants(listening, 1) || !wants(clients[1], 0))
		fail("a socket has other options");
	else if ((accepted = accept(listening, NULL, NULL)) < 0 || !wants(accepted, 1))
		fail_errno("what is accepted has not those of the socket that listens");
	else
		pass();
	return 0;
}
