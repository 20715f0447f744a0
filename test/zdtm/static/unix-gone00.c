// SPDX-License-Identifier: GPL-2.0-only
/*
 * UNIX sockets whose peer has gone: without reading all (the next call fails once), a server's end whose
 * listening socket has gone too, datagram sockets; a socket that was never connected.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX }, got = { 0 };
	socklen_t len, a_len;
	int reset[2], packets[2], lost[2], listening, client, server, never;
	char c;

	test_init(argc, argv);
	a_len = offsetof(struct sockaddr_un, sun_path) + 1 + sprintf(a.sun_path + 1, "zdtm-gone-%d", getpid());
	listening = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	never = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, reset) || write(reset[0], "unread", 6) != 6 ||
	    write(reset[1], "read", 4) != 4 || close(reset[1]) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets) ||
	    write(packets[0], "unread", 6) != 6 || close(packets[1]) || socketpair(AF_UNIX, SOCK_DGRAM, 0, lost) ||
	    write(lost[1], "one", 3) != 3 || write(lost[1], "two", 3) != 3 || close(lost[1]) || listening < 0 || client < 0 ||
	    bind(listening, (struct sockaddr *)&a, a_len) || listen(listening, 1) ||
	    connect(client, (struct sockaddr *)&a, a_len) || (server = accept(listening, NULL, NULL)) < 0 ||
	    write(client, "last", 4) != 4 || close(listening) || never < 0) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	len = sizeof(got);
	if (getsockname(server, (struct sockaddr *)&got, &len) || len != a_len || memcmp(&got, &a, len))
		fail("the server's end has lost its name");
	else if (len = sizeof(got), getpeername(client, (struct sockaddr *)&got, &len) || len != a_len)
		fail("the client's peer has lost its name");
	else if (read(server, &got, sizeof(got)) != 4 || write(server, "x", 1) != 1 || read(client, &c, 1) != 1)
		fail("client and server do not talk to each other");
	else if (recv(reset[0], &got, sizeof(got), 0) != 4)
		fail_errno("what the peer had sent is lost");
	else if (recv(reset[0], &c, 1, 0) != -1 || errno != ECONNRESET || recv(reset[0], &c, 1, 0) != 0)
		fail_errno("it is not told that the peer has not read all");
	else if (recv(packets[0], &c, 1, 0) != -1 || errno != ECONNRESET || recv(packets[0], &c, 1, 0) != 0)
		fail_errno("one of messages is not told that the peer has not read all");
	else if (read(lost[0], &got, sizeof(got)) != 3 || read(lost[0], &got, sizeof(got)) != 3)
		fail("the messages of who has gone are lost");
	else if (send(lost[0], "x", 1, 0) != -1 || errno != ECONNREFUSED)
		fail_errno("a datagram goes to who has gone");
	else if (send(never, "x", 1, 0) != -1 || errno != ENOTCONN)
		fail_errno("one that was never connected is so");
	else
		pass();
	return 0;
}
