// SPDX-License-Identifier: GPL-2.0-only
/* Abstract names: with zero bytes, as long as may be, and one that the kernel gave (autobind). */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int bound(int type, const void *name, socklen_t len)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	memcpy(a.sun_path, name, len);
	return fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(sa_family_t) + len) ? -1 : fd;
}

static socklen_t name_of(int fd, struct sockaddr_un *a)
{
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	return getsockname(fd, (struct sockaddr *)a, &len) ? 0 : len;
}

int main(int argc, char **argv)
{
	struct sockaddr_un before[3], now;
	char zeros[32] = "\0in\0side", longest[108];
	int fds[3], client;
	socklen_t len[3];
	size_t i;

	test_init(argc, argv);
	snprintf(zeros + 8, sizeof(zeros) - 8, "%d", getpid());
	memset(longest, 'l', sizeof(longest));
	longest[0] = 0;
	snprintf(longest + 1, 20, "%d", getpid());
	fds[0] = bound(SOCK_STREAM, zeros, sizeof(zeros));
	fds[1] = bound(SOCK_DGRAM, longest, sizeof(longest));
	fds[2] = bound(SOCK_DGRAM, "", 0);
	if (fds[0] < 0 || fds[1] < 0 || fds[2] < 0 || listen(fds[0], 1)) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < 3; i++)
		len[i] = name_of(fds[i], &before[i]);

	test_daemon();
	test_waitsig();

	for (i = 0; i < 3; i++)
		if (name_of(fds[i], &now) != len[i] || memcmp(&now, &before[i], sizeof(now))) {
			fail("name %zu is another", i);
			return 1;
		}
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(client, (struct sockaddr *)&before[0], len[0]) || accept(fds[0], NULL, NULL) < 0)
		fail_errno("the one with zeros is not found");
	else if (sendto(fds[2], "x", 1, 0, (struct sockaddr *)&before[1], len[1]) != 1 ||
		 recv(fds[1], &now, 1, MSG_DONTWAIT) != 1)
		fail_errno("the longest is not found");
	else
		pass();
	return 0;
}
