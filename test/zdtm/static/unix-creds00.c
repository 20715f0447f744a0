// SPDX-License-Identifier: GPL-2.0-only
/* Who is at the other end (SO_PEERCRED), as a user that is not the one of now, and credentials in a queue. */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int pair[2], passing[2];

static int child(void *arg)
{
	(void)arg;
	if (setresgid(2345, 2345, 2345) || setresuid(1234, 1234, 1234) || send(passing[1], "who", 3, 0) != 3)
		return 1;
	child_ready();
	test_waitsig();
	return send(passing[1], "me", 2, 0) != 2;
}

static int from(pid_t pid, uid_t uid, const char *text)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	char buf[8] = "";
	struct iovec data = { buf, sizeof(buf) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct ucred creds;

	if (recvmsg(passing[0], &message, MSG_DONTWAIT) != (ssize_t)strlen(text) || strncmp(buf, text, strlen(text)) ||
	    !CMSG_FIRSTHDR(&message)) {
		fail_errno("the message %s is %.7s, or has no sender", text, buf);
		return -1;
	}
	memcpy(&creds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(creds));
	if (creds.pid == pid && creds.uid == uid)
		return 0;
	fail("%s is from task %d of user %d, not %d of %d", text, creds.pid, creds.uid, pid, uid);
	return -1;
}

int main(int argc, char **argv)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int on = 1;
	pid_t pid;

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || socketpair(AF_UNIX, SOCK_DGRAM, 0, passing) ||
	    setsockopt(passing[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on))) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (from(pid, 1234, "who"))
		return 1;
	if (finish_child(pid))
		fail("the child cannot send");
	else if (from(pid, 1234, "me"))
		return 1;
	else if (getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.pid != getpid() || peer.uid != getuid())
		fail("the peer of the pair is task %d of user %d", peer.pid, peer.uid);
	else
		pass();
	return 0;
}
