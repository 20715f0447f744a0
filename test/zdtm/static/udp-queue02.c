// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues of sockets that share a port, and of connected ones: each has its own. One has a datagram that came before it
 * was connected.
 */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in any_port(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int bound(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	socklen_t len = sizeof(*a);

	return fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
			       bind(fd, (struct sockaddr *)a, len) || getsockname(fd, (struct sockaddr *)a, &len)
		       ? -1
		       : fd;
}

static int connect_to(int fd, const struct sockaddr_in *a)
{
	return connect(fd, (const struct sockaddr *)a, sizeof(*a));
}

static int gives(int fd, int receiver, const char *text, const struct sockaddr_in *to)
{
	return udp_deliver(fd, receiver, text, strlen(text), to, sizeof(*to)) == 0;
}

static void expect(int fd, const char *text, const struct sockaddr_in *from)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	char buf[32];
	ssize_t size = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&a, &len);

	if (size != (ssize_t)strlen(text) || memcmp(buf, text, strlen(text)))
		fail_errno("%s: %zd bytes come", text, size);
	else if (a.sin_port != from->sin_port)
		fail("%s: it comes from another sender", text);
}

static void expect_no_more(int fd, const char *what)
{
	char c;

	if (recv(fd, &c, 1, MSG_DONTWAIT) != -1)
		fail("%s has more", what);
}

int main(int argc, char **argv)
{
	struct sockaddr_in port = any_port(), friend = any_port(), stranger = any_port(), late = any_port();
	int server, peer, early, a, b;

	test_init(argc, argv);
	a = bound(&friend), b = bound(&stranger);
	server = bound(&port), peer = bound(&port), early = bound(&late);
	if (a < 0 || b < 0 || server < 0 || peer < 0 || early < 0 || connect_to(peer, &friend) ||
	    !gives(a, peer, "from the friend", &port) || !gives(b, server, "from the stranger", &port) ||
	    !gives(b, early, "before", &late) || !gives(a, early, "between", &late) || connect_to(early, &friend) ||
	    !gives(a, early, "behind", &late)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!gives(a, peer, "again", &port) || !gives(b, server, "aside", &port)) {
		fail_errno("nothing can be sent any more");
		return 1;
	}
	expect(peer, "from the friend", &friend);
	expect(peer, "again", &friend);
	expect_no_more(peer, "what is connected");
	expect(server, "from the stranger", &stranger);
	expect(server, "aside", &stranger);
	expect_no_more(server, "the server");
	expect(early, "before", &stranger);
	expect(early, "between", &friend);
	expect(early, "behind", &friend);
	expect_no_more(early, "what was connected later");
	pass();
	return 0;
}
