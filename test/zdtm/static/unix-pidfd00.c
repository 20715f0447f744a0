// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors of who is at the other end: of who sent a message that waits to be read (SO_PASSPIDFD), this task, a
 * child or one that has ended; and, to a new client, of who listens (SO_PEERPIDFD), which it began as another user.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#define SCM_PIDFD 4

#define LISTENER 1234

static int packets[2], stream[2];

static int child(void *arg)
{
	(void)arg;
	if (send(packets[1], "child", 5, 0) != 5 || send(stream[1], "child", 5, 0) != 5)
		return 1;
	child_ready();
	test_waitsig();
	return 0;
}

/* Of whom it is, -1: of one that has ended, -2: of nobody. */
static int pid_of(int pidfd)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	return pidfd < 0 || proc_field(path, "Pid", text, sizeof(text)) ? -2 : atoi(text);
}

static int comes(int fd, const char *text, pid_t from)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char buf[32] = "";
	struct iovec data = { buf, sizeof(buf) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	const struct cmsghdr *c;
	int pidfd = -1, pid;

	if (recvmsg(fd, &message, MSG_DONTWAIT) != (ssize_t)strlen(text) || strncmp(buf, text, strlen(text))) {
		pr_perror("'%s' has come instead of %s", buf, text);
		return 0;
	}
	c = CMSG_FIRSTHDR(&message);
	if (c && c->cmsg_type == SCM_PIDFD)
		memcpy(&pidfd, CMSG_DATA(c), sizeof(pidfd));
	pid = pid_of(pidfd);
	if (pidfd >= 0)
		close(pidfd);
	if (pid == from || (from == -1 && pid == -2)) /* older kernels give none of one that has ended */
		return 1;
	pr_err("%s is from task %d, not %d\n", text, pid, from);
	return 0;
}

static int tells_listener(const struct sockaddr_un *name, socklen_t size)
{
	int client = socket(AF_UNIX, SOCK_STREAM, 0), pidfd = -1;
	struct ucred peer = { 0 };
	socklen_t len = sizeof(pidfd), peer_len = sizeof(peer);

	if (connect(client, (const struct sockaddr *)name, size) || getsockopt(client, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) ||
	    getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len))
		pr_perror("nobody can be asked who listens");
	if (pid_of(pidfd) == getpid() && peer.pid == getpid() && peer.uid == LISTENER && peer.gid == LISTENER)
		return 1;
	pr_err("task %d listens, or %d of %d\n", pid_of(pidfd), peer.pid, (int)peer.uid);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t size;
	int on = 1, listening = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid, ended;

	test_init(argc, argv);
	size = offsetof(struct sockaddr_un, sun_path) + 1 + sprintf(name.sun_path + 1, "unix-pidfd00-%d", getpid());
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, packets) || socketpair(AF_UNIX, SOCK_STREAM, 0, stream) || listening < 0 ||
	    bind(listening, (struct sockaddr *)&name, size) || setresgid(-1, LISTENER, -1) || setresuid(-1, LISTENER, -1) ||
	    listen(listening, 5) || setresuid(-1, 0, -1) || setresgid(-1, 0, -1) || prctl(PR_SET_DUMPABLE, 1)) {
		pr_perror("cannot set up");
		return 1;
	}
	if (setsockopt(packets[0], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) ||
	    setsockopt(stream[0], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)))
		skip("this kernel has no SO_PASSPIDFD");
	pid = start_child(child, NULL);
	ended = fork();
	if (!ended)
		_exit(send(packets[1], "ended", 5, 0) != 5);
	if (pid < 0 || ended < 0 || reap_child(ended) || send(packets[1], "own", 3, 0) != 3 || send(stream[1], "own", 3, 0) != 3) {
		pr_perror("cannot send");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!comes(packets[0], "child", pid) || !comes(packets[0], "ended", -1) || !comes(packets[0], "own", getpid()))
		fail("a message has another sender");
	else if (!comes(stream[0], "child", pid) || !comes(stream[0], "own", getpid()))
		fail("a part of the stream has another sender");
	else if (!tells_listener(&name, size))
		fail("another listens");
	else if (finish_child(pid))
		fail("the child has failed");
	else
		pass();
	return 0;
}
