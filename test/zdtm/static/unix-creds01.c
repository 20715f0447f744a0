// SPDX-License-Identifier: GPL-2.0-only
/* Who accepts a client after the restore is told by SO_PEERCRED who that is: another user's process. */
#include "zdtmtst.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t size;

static int child(void *arg)
{
	int fd;

	(void)arg;
	if (setresgid(2345, 2345, 2345) || setresuid(1234, 1234, 1234))
		return 1;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, size))
		return 1;
	child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int listening, accepted;
	pid_t pid;

	test_init(argc, argv);
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "unix-creds01-%d", getpid());
	size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listening < 0 || bind(listening, (struct sockaddr *)&address, size) || listen(listening, 5)) {
		pr_perror("cannot listen");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	accepted = accept(listening, NULL, NULL);
	if (accepted < 0 || getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		fail_errno("the client cannot be accepted");
	else if (peer.pid != pid || peer.uid != 1234 || peer.gid != 2345)
		fail("the client is task %d of user %d and group %d", peer.pid, peer.uid, peer.gid);
	else if (finish_child(pid))
		fail("the child has failed");
	else
		pass();
	return 0;
}
