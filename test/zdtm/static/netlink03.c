// SPDX-License-Identifier: GPL-2.0-only
/* A netlink socket that is connected to the kernel takes nothing from others; one that is only bound does. */
#include "zdtmtst.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

static int make(struct sockaddr_nl *own)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	socklen_t len = sizeof(*own);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || getsockname(fd, (struct sockaddr *)own, &len))
		return -1;
	return fd;
}

/* The error of sending to it, or 0. */
static int refuses(int sender, const struct sockaddr_nl *to)
{
	struct nlmsghdr message = { .nlmsg_len = sizeof(message) };

	return sendto(sender, &message, sizeof(message), 0, (const struct sockaddr *)to, sizeof(*to)) < 0 ? errno : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK }, of_bound, of_connected, own;
	int bound, connected, sender;

	test_init(argc, argv);
	bound = make(&of_bound);
	connected = make(&of_connected);
	sender = make(&own);
	if (bound < 0 || connected < 0 || sender < 0 || connect(connected, (struct sockaddr *)&kernel, sizeof(kernel)) ||
	    refuses(sender, &of_connected) != ECONNREFUSED) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (refuses(sender, &of_connected) != ECONNREFUSED)
		fail("who is connected to the kernel hears others: %d", refuses(sender, &of_connected));
	else if (refuses(sender, &of_bound))
		fail("who is bound does not hear others: %d", refuses(sender, &of_bound));
	else
		pass();
	return 0;
}
