// SPDX-License-Identifier: GPL-2.0-only
/* A file of /proc that belongs to the task, and is under way in a socket: what is there is opened before the task is. */
/* zdtm: expect="not-yet:under way in a socket, a file of a process" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr head;
};

int main(int argc, char **argv)
{
	union control control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char c = 'x';
	struct iovec data = { &c, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int pair[2], status;

	test_init(argc, argv);
	status = open("/proc/self/status", O_RDONLY);
	memcpy(CMSG_DATA(&control.head), &status, sizeof(int));
	if (status < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sendmsg(pair[0], &m, 0) != 1) {
		pr_perror("cannot send a file of /proc");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (recvmsg(pair[1], &m, MSG_DONTWAIT) != 1 || !CMSG_FIRSTHDR(&m))
		fail_errno("it does not come");
	else
		pass();
	return 0;
}
