// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server and a client of a UNIX socket in a file: names of both ends, data on the way, a client that
 * was not accepted yet, owner and mode of the file, and new connections afterwards.
 */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(filename, "the socket");

static struct sockaddr_un name;

static int connected(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name))) {
		pr_perror("connect");
		return -1;
	}
	return fd;
}

static int same_name(struct sockaddr_un *got, socklen_t len)
{
	return len == offsetof(struct sockaddr_un, sun_path) + strlen(filename) + 1 && !strcmp(got->sun_path, filename);
}

static int talk(int from, int to)
{
	char c = 0;

	if (write(from, "t", 1) == 1 && read(to, &c, 1) == 1 && c == 't')
		return 0;
	fail_errno("the ends do not talk to each other");
	return -1;
}

int main(int argc, char **argv)
{
	int listening, client, server, waiting, late, accepted;
	struct sockaddr_un got;
	struct ucred peer;
	struct stat st;
	socklen_t len;
	char buf[8] = "";

	test_init(argc, argv);
	name.sun_family = AF_UNIX;
	strncpy(name.sun_path, filename, sizeof(name.sun_path) - 1);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listening < 0 || bind(listening, (struct sockaddr *)&name, sizeof(name)) || listen(listening, 3) ||
	    chmod(filename, 0751)) {
		pr_perror("cannot listen");
		return 1;
	}
	client = connected();
	server = accept(listening, NULL, NULL);
	waiting = connected();
	if (client < 0 || server < 0 || waiting < 0 || write(client, "way", 3) != 3)
		return 1;

	test_daemon();
	test_waitsig();

	len = sizeof(got);
	if (getsockname(server, (struct sockaddr *)&got, &len) || !same_name(&got, len)) {
		fail("the accepted end has lost its name");
		return 1;
	}
	len = sizeof(got);
	if (getpeername(client, (struct sockaddr *)&got, &len) || !same_name(&got, len)) {
		fail("the client's peer has lost its name");
		return 1;
	}
	len = sizeof(got);
	if (getpeername(server, (struct sockaddr *)&got, &len) || len != sizeof(sa_family_t)) {
		fail("the client has a name");
		return 1;
	}
	len = sizeof(peer);
	if (getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.pid != getpid() || peer.uid != getuid()) {
		fail("the peer is task %d of user %d", peer.pid, peer.uid);
		return 1;
	}
	if (read(server, buf, sizeof(buf)) != 3 || memcmp(buf, "way", 3)) {
		fail("what was on the way is %.7s", buf);
		return 1;
	}
	if (stat(filename, &st) || !S_ISSOCK(st.st_mode) || (st.st_mode & 07777) != 0751) {
		fail("the file has the mode %o", st.st_mode);
		return 1;
	}
	if (talk(client, server) || talk(server, client))
		return 1;
	accepted = accept(listening, NULL, NULL);
	if (accepted < 0 || talk(waiting, accepted)) {
		fail("the waiting client is not accepted");
		return 1;
	}
	late = connected();
	accepted = accept(listening, NULL, NULL);
	if (late < 0 || accepted < 0 || talk(accepted, late))
		fail("there is no new connection");
	else
		pass();
	return 0;
}
