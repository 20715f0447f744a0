// SPDX-License-Identifier: GPL-2.0-only
/* Pairs of each type, between two tasks, with data on the way; one half-closed, one whose peer has gone. */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <unistd.h>

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
static int pairs[array_size(types)][2];

static int child(void *arg)
{
	char buf[16];
	size_t i;

	(void)arg;
	for (i = 0; i < array_size(types); i++)
		if (send(pairs[i][1], "early", 5, 0) != 5 || send(pairs[i][1], "bird", 4, 0) != 4)
			return 1;
	child_ready();
	for (i = 0; i < array_size(types); i++)
		if (recv(pairs[i][1], buf, sizeof(buf), 0) != 4 || memcmp(buf, "late", 4))
			return 1;
	return 0;
}

static int expect(int fd, const char *what)
{
	char buf[32] = "";
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n == (ssize_t)strlen(what) && !strcmp(buf, what))
		return 0;
	fail("%.31s (%zd) is received, not %s", buf, n, what);
	return -1;
}

int main(int argc, char **argv)
{
	int half[2], alone[2], stopped[2];
	char c;
	size_t i;
	pid_t pid;

	test_init(argc, argv);
	for (i = 0; i < array_size(types); i++)
		if (socketpair(AF_UNIX, types[i], 0, pairs[i])) {
			pr_perror("socketpair");
			return 1;
		}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, half) || socketpair(AF_UNIX, SOCK_STREAM, 0, alone) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, stopped) || write(half[0], "end", 3) != 3 ||
	    shutdown(half[0], SHUT_WR) || write(alone[1], "left", 4) != 4 || close(alone[1]) ||
	    shutdown(stopped[1], SHUT_RDWR)) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (expect(pairs[0][0], "earlybird") || expect(pairs[1][0], "early") || expect(pairs[1][0], "bird") ||
	    expect(pairs[2][0], "early") || expect(pairs[2][0], "bird"))
		return 1;
	for (i = 0; i < array_size(types); i++)
		if (recv(pairs[i][0], &c, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN ||
		    send(pairs[i][0], "late", 4, 0) != 4) {
			fail_errno("pair %zu does not go on", i);
			return 1;
		}
	if (reap_child(pid))
		fail("the child did not get its data");
	else if (expect(half[1], "end") || read(half[1], &c, 1) != 0)
		fail("no end of what was shut down for writing");
	else if (write(half[1], "x", 1) != 1 || read(half[0], &c, 1) != 1)
		fail("the other direction is shut down");
	else if (send(half[0], "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
		fail("it can be written to");
	else if (expect(alone[0], "left") || read(alone[0], &c, 1) != 0)
		fail("no end after the peer has gone");
	else if (send(alone[0], "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
		fail("who has gone can be written to");
	else if (read(stopped[0], &c, 1) != 0 || send(stopped[0], "x", 1, MSG_NOSIGNAL) != -1)
		fail("what was shut down both ways goes on");
	else
		pass();
	return 0;
}
