// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections of which both ends have names, and whose server does not listen any more: that its ends were accepted
 * shows by what is left. Of two the clients have gone, one client is there, and of one only the client, without a name.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NR 4

struct name {
	struct sockaddr_un address;
	socklen_t size;
};

static struct name server, clients[NR];
static int ends[NR], accepted[NR];

static void set_name(struct name *name, const char *what, int number)
{
	name->address.sun_family = AF_UNIX;
	name->size = offsetof(struct sockaddr_un, sun_path) + 1 +
		     snprintf(name->address.sun_path + 1, sizeof(name->address.sun_path) - 1, "unix-names01-%s-%d-%d", what,
			      number, getpid());
}

static int is(int (*ask)(int, struct sockaddr *, socklen_t *), int fd, const struct name *name)
{
	struct sockaddr_un got;
	socklen_t size = sizeof(got);

	return !ask(fd, (struct sockaddr *)&got, &size) && size == name->size && !memcmp(&got, &name->address, size);
}

static int make_connection(int listening, int i)
{
	ends[i] = socket(AF_UNIX, SOCK_STREAM, 0);
	if (ends[i] < 0 || (i < 3 && bind(ends[i], (struct sockaddr *)&clients[i].address, clients[i].size)) ||
	    connect(ends[i], (struct sockaddr *)&server.address, server.size))
		return -1;
	accepted[i] = accept(listening, NULL, NULL);
	return accepted[i] < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	int i, listening;
	char c;

	test_init(argc, argv);
	set_name(&server, "server", 0);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listening < 0 || bind(listening, (struct sockaddr *)&server.address, server.size) || listen(listening, NR)) {
		pr_perror("cannot listen");
		return 1;
	}
	for (i = 0; i < NR; i++) {
		set_name(&clients[i], "client", i);
		if (make_connection(listening, i)) {
			pr_perror("cannot connect");
			return 1;
		}
	}
	if (close(ends[0]) || close(ends[1]) || close(accepted[3]) || close(listening)) {
		pr_perror("cannot close");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < 3; i++) {
		if (!is(getsockname, accepted[i], &server) || !is(getpeername, accepted[i], &clients[i])) {
			fail_errno("end %d has other names", i);
			return 1;
		}
	}
	if (!is(getsockname, ends[2], &clients[2]) || !is(getpeername, ends[2], &server))
		fail_errno("the client with a name has other names");
	else if (!is(getpeername, ends[3], &server))
		fail_errno("the client without a name has another peer");
	else if (write(ends[2], "x", 1) != 1 || read(accepted[2], &c, 1) != 1 || c != 'x')
		fail_errno("client and server do not talk to each other");
	else if (read(accepted[0], &c, 1) != 0 || read(accepted[1], &c, 1) != 0 || read(ends[3], &c, 1) != 0)
		fail_errno("who has gone is there");
	else
		pass();
	return 0;
}
