// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors under way in a stream, behind and before bytes that came without any: each comes with its own bytes. */
#include "zdtmtst.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes that are sent at once; those of capitals with a descriptor. */
static const char *const parts[] = { "one", "two", "D", "E", "three", "F", "last" };
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static int has_descriptor(const char *part)
{
	return part[0] < 'a';
}

static int send_part(int to, const char *part, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec data = { (char *)part, strlen(part) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

	if (has_descriptor(part)) {
		message.msg_control = &control, message.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
	}
	return sendmsg(to, &message, 0) == (ssize_t)strlen(part) ? 0 : -1;
}

/* No more than the part has is asked for. */
static int comes_right(int from, const char *part)
{
	char control[CMSG_SPACE(4 * sizeof(int))], bytes[16];
	struct iovec data = { bytes, strlen(part) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	const ssize_t size = recvmsg(from, &message, MSG_DONTWAIT);
	const struct cmsghdr *told = CMSG_FIRSTHDR(&message);

	if (size != (ssize_t)strlen(part) || memcmp(bytes, part, strlen(part)))
		return 0;
	return has_descriptor(part) ? told && told->cmsg_len == CMSG_LEN(sizeof(int)) : !told;
}

int main(int argc, char **argv)
{
	int way[2], ends[2];

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, way) || pipe(ends)) {
		pr_perror("cannot set up");
		return 1;
	}
	for (int i = 0; i < PARTS; i++)
		if (send_part(way[0], parts[i], ends[0])) {
			pr_perror("cannot send");
			return 1;
		}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < PARTS; i++)
		if (!comes_right(way[1], parts[i])) {
			fail("part %d, %s, does not come as it was sent", i, parts[i]);
			return 1;
		}
	pass();
	return 0;
}
