// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that have one port in common (SO_REUSEPORT), of a user who is not root: none but that user's may join. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { USER = 18943 };

static const struct {
	int family, type;
} kinds[] = {
	{ AF_INET, SOCK_DGRAM }, { AF_INET6, SOCK_DGRAM }, { AF_INET, SOCK_STREAM }, { AF_INET6, SOCK_STREAM },
};

/* One more; *a is where the first is bound, and then all. */
static int join(size_t kind, struct sockaddr_in6 *a)
{
	int fd = socket(kinds[kind].family, kinds[kind].type, 0), on = 1;
	socklen_t len = sizeof(*a);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) || bind(fd, (struct sockaddr *)a, len) ||
	    getsockname(fd, (struct sockaddr *)a, &len))
		return -1;
	return kinds[kind].type == SOCK_STREAM && listen(fd, 5) ? -1 : fd;
}

static int body(void *arg)
{
	struct sockaddr_in6 a[array_size(kinds)] = {};
	size_t i;

	(void)arg;
	if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER)) {
		pr_perror("cannot become another user");
		return 1;
	}
	for (i = 0; i < array_size(kinds); i++) {
		a[i].sin6_family = kinds[i].family;
		if (join(i, &a[i]) < 0 || join(i, &a[i]) < 0) {
			pr_perror("cannot make group %zu", i);
			return 1;
		}
	}
	child_ready();
	test_waitsig();
	for (i = 0; i < array_size(kinds); i++)
		if (join(i, &a[i]) < 0)
			return 2 + (int)i;
	return 0;
}

int main(int argc, char **argv)
{
	int result;
	pid_t pid;

	test_init(argc, argv);
	pid = start_child(body, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	result = finish_child(pid);
	if (result)
		fail("nobody can join a group: %d", result);
	else
		pass();
	return 0;
}
