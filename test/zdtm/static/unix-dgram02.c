// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pair of datagram sockets: one end has a name, has sent to the other, and is connected elsewhere since.
 * What it sent is still to be read by the other end, which has no name.
 */
#include "zdtmtst.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un name(const char *what, socklen_t *size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "unix-dgram02-%s-%d", what, getpid());
	*size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1);
	return address;
}

static int is(const struct sockaddr_un *a, socklen_t size, const struct sockaddr_un *b, socklen_t b_size)
{
	return size == b_size && !memcmp(a, b, size);
}

static int receives(int fd, const char *text, const struct sockaddr_un *from, socklen_t from_size)
{
	struct sockaddr_un sender;
	socklen_t size = sizeof(sender);
	char data[32] = "";

	if (recvfrom(fd, data, sizeof(data) - 1, MSG_DONTWAIT, (struct sockaddr *)&sender, &size) < 0) {
		pr_perror("nothing has come");
		return 0;
	}
	if (!strcmp(data, text) && is(&sender, size, from, from_size))
		return 1;
	pr_err("%s has come, or from another\n", data);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un own, other, now;
	socklen_t own_size, other_size, size = sizeof(now);
	int pair[2], elsewhere;

	test_init(argc, argv);
	own = name("own", &own_size);
	other = name("other", &other_size);
	elsewhere = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (elsewhere < 0 || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
	    bind(pair[0], (struct sockaddr *)&own, own_size) ||
	    bind(elsewhere, (struct sockaddr *)&other, other_size) || send(pair[0], "first", 5, 0) != 5 ||
	    send(pair[0], "second", 6, 0) != 6 || connect(pair[0], (struct sockaddr *)&other, other_size) ||
	    sendto(elsewhere, "third", 5, 0, (struct sockaddr *)&own, own_size) != 5) {
		pr_perror("cannot set up the sockets");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!receives(pair[1], "first", &own, own_size) || !receives(pair[1], "second", &own, own_size) ||
	    !receives(pair[0], "third", &other, other_size))
		fail("the messages are others");
	else if (getpeername(pair[0], (struct sockaddr *)&now, &size) || !is(&now, size, &other, other_size))
		fail("the first end is connected elsewhere");
	else if ((size = sizeof(now), getpeername(pair[1], (struct sockaddr *)&now, &size)) ||
		 !is(&now, size, &own, own_size))
		fail("the second end has another peer");
	else if (send(pair[1], "x", 1, MSG_DONTWAIT) != -1 || errno != EPERM)
		fail_errno("the second end can send to the first");
	else
		pass();
	return 0;
}
