// SPDX-License-Identifier: GPL-2.0-only
#include "rights.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { AT_ONCE = 16 };

union control {
	char bytes[CMSG_SPACE(AT_ONCE * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr head;
};

int send_fds(int to, const int *fds, int n)
{
	union control control = { .head = { CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec data = { (char[]){ 'f' }, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
	return sendmsg(to, &m, 0) == 1 ? 0 : -1;
}

int receive_fds(int from, int *fds, int n, struct ucred *creds)
{
	union control control;
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int got = 0;

	if (recvmsg(from, &m, MSG_DONTWAIT) < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == SCM_CREDENTIALS && creds)
			memcpy(creds, CMSG_DATA(c), sizeof(*creds));
		if (c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(n * sizeof(int))) {
			memcpy(fds, CMSG_DATA(c), n * sizeof(int));
			got = n;
		}
	}
	if (got == n)
		return 0;
	errno = EPROTO;
	return -1;
}
