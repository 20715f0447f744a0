// SPDX-License-Identifier: GPL-2.0-only
/*
 * UNIX datagram sockets that are connected in one way: a pair of which one end is connected elsewhere since, or to
 * nobody; a chain; a pair with one name; names of peers that have gone.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NAMES = 5 };
static struct sockaddr_un name[NAMES];
static socklen_t name_len;

static int named(int nr)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	return fd < 0 || bind(fd, (struct sockaddr *)&name[nr], name_len) ? -1 : fd;
}

static int join(int fd, int nr)
{
	return connect(fd, (struct sockaddr *)&name[nr], name_len);
}

static int leave(int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	return connect(fd, &nobody, sizeof(nobody));
}

static bool has_peer(int fd, int nr)
{
	struct sockaddr_un got = { 0 };
	socklen_t len = sizeof(got);

	if (getpeername(fd, (struct sockaddr *)&got, &len))
		return false;
	return nr < 0 ? len == sizeof(sa_family_t) : len == name_len && !memcmp(&got, &name[nr], len);
}

static bool gets(int fd, const char *text)
{
	char got[16];
	ssize_t size = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	return size == (ssize_t)strlen(text) && !memcmp(got, text, (size_t)size);
}

static bool sends(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_DONTWAIT) == (ssize_t)strlen(text);
}

int main(int argc, char **argv)
{
	int moved[2], left[2], half[2], told[2], chain[3], gone, widow, lost[2], i;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	test_init(argc, argv);
	for (i = 0; i < NAMES; i++) {
		name[i].sun_family = AF_UNIX;
		name_len = offsetof(struct sockaddr_un, sun_path) + 1 +
			   sprintf(name[i].sun_path + 1, "zdtm-one-way-%07d-%d", getpid(), i);
	}
	if ((chain[0] = named(0)) < 0 || (chain[1] = named(1)) < 0 || (chain[2] = named(2)) < 0 ||
	    (lost[0] = named(3)) < 0 || (gone = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0 || join(gone, 3) || close(lost[0]) ||
	    (lost[1] = named(4)) < 0 || (widow = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0 || join(widow, 4) || close(lost[1])) {
		pr_perror("sockets with names");
		return 1;
	}
	if (join(chain[2], 1) || join(chain[1], 0) || socketpair(AF_UNIX, SOCK_DGRAM, 0, moved) ||
	    !sends(moved[1], "before") || join(moved[1], 0) || socketpair(AF_UNIX, SOCK_DGRAM, 0, left) ||
	    !sends(left[1], "one") || leave(left[1]) || !sends(left[0], "two") ||
	    socketpair(AF_UNIX, SOCK_DGRAM, 0, told) || !sends(told[0], "unread") || leave(told[1]) ||
	    socketpair(AF_UNIX, SOCK_DGRAM, 0, half) || bind(half[0], (struct sockaddr *)&name[3], name_len) ||
	    !sends(half[1], "three")) {
		pr_perror("pairs");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!has_peer(chain[2], 1) || !has_peer(chain[1], 0) || has_peer(chain[0], 0) || !sends(chain[1], "chain") ||
	    !gets(chain[0], "chain"))
		fail_errno("the chain is another");
	else if (sends(chain[2], "x") || errno != EPERM)
		fail_errno("one end of the chain may send to who has another peer");
	else if (!has_peer(moved[0], -1) || !has_peer(moved[1], 0) || !gets(moved[0], "before") || !sends(moved[1], "moved") ||
		 !gets(chain[0], "moved") || sends(moved[0], "x") || errno != EPERM)
		fail_errno("the pair of which one end is connected elsewhere");
	else if (!gets(left[0], "one") || !gets(left[1], "two") || !sends(left[0], "more") || !gets(left[1], "more") ||
		 sends(left[1], "x") || errno != ENOTCONN)
		fail_errno("the pair of which one end is connected to nobody");
	else if (sends(told[0], "x") || errno != ECONNRESET || gets(told[1], "unread") || !sends(told[0], "again") ||
		 !gets(told[1], "again"))
		fail_errno("the one whose peer has left without reading all");
	else if (!gets(half[0], "three") || !sends(half[0], "four") || !gets(half[1], "four") || !has_peer(half[1], 3))
		fail_errno("the pair with one name");
	else if (getsockopt(moved[1], SOL_SOCKET, SO_PEERCRED, &cred, &len) || cred.pid != getpid())
		fail("SO_PEERCRED of who is connected elsewhere: %d", cred.pid);
	else if (!has_peer(widow, 4))
		fail_errno("the name of who has gone");
	else if (sends(widow, "x") || errno != ECONNREFUSED || sends(gone, "x") || errno != ECONNREFUSED || sends(gone, "x") || errno != ENOTCONN)
		fail_errno("a peer that has gone is none");
	else
		pass();
	return 0;
}
