// SPDX-License-Identifier: GPL-2.0-only
/* A socket whose own other end is under way in it. */
#include "zdtmtst.h"

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
	int pair[2], own;

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
		pr_perror("socketpair");
		return 1;
	}
	memcpy(CMSG_DATA(&control.head), &pair[1], sizeof(int));
	if (sendmsg(pair[0], &m, 0) != 1) {
		pr_perror("sendmsg");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (recvmsg(pair[1], &m, MSG_DONTWAIT) != 1 || !CMSG_FIRSTHDR(&m)) {
		fail_errno("it does not come");
		return 1;
	}
	memcpy(&own, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(own));
	if (write(pair[0], "y", 1) != 1 || read(own, &c, 1) != 1 || c != 'y')
		fail_errno("it is another socket");
	else
		pass();
	return 0;
}
