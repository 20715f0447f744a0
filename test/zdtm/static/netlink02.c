// SPDX-License-Identifier: GPL-2.0-only
/* A netlink socket in a group above 32, with an option, of type SOCK_DGRAM. */
#include "zdtmtst.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define HIGH_GROUP 34 /* RTNLGRP_MCTP_IFADDR, since Linux 5.17 */

static int is_in(int fd, unsigned int group)
{
	uint32_t words[8] = { 0 };
	socklen_t len = sizeof(words);

	if (getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &len))
		return 0;
	return words[(group - 1) / 32] >> ((group - 1) % 32) & 1;
}

static int is_on(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? -1 : value;
}

int main(int argc, char **argv)
{
	int fd, on = 1, high = HIGH_GROUP;

	test_init(argc, argv);
	fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
	if (fd < 0 || setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &high, sizeof(high)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on))) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!is_in(fd, HIGH_GROUP) || is_in(fd, HIGH_GROUP - 1))
		fail("it is not in group %d alone", HIGH_GROUP);
	else if (is_on(fd, SOL_NETLINK, NETLINK_EXT_ACK) != 1)
		fail("an option is lost");
	else if (is_on(fd, SOL_SOCKET, SO_TYPE) != SOCK_DGRAM)
		fail("it is of the type %d", is_on(fd, SOL_SOCKET, SO_TYPE));
	else
		pass();
	return 0;
}
