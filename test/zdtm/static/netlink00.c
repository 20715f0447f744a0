// SPDX-License-Identifier: GPL-2.0-only
/* Netlink sockets: with a port and groups; one that nobody has bound; one that is connected. */
#include "zdtmtst.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t port_of(int fd, uint32_t *groups)
{
	struct sockaddr_nl a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len))
		fail_errno("getsockname");
	if (groups)
		*groups = a.nl_groups;
	return a.nl_pid;
}

/* Asks for the interfaces. */
static int answers(int fd)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg msg;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP }, .msg.rtgen_family = AF_UNSPEC };
	char answer[16384];
	const struct nlmsghdr *header = (const void *)answer;

	return send(fd, &request, sizeof(request), 0) == sizeof(request) && recv(fd, answer, sizeof(answer), 0) > 0 &&
	       header->nlmsg_type == RTM_NEWLINK;
}

int main(int argc, char **argv)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_NOTIFY };
	struct sockaddr_nl peer = { .nl_family = AF_NETLINK, .nl_pid = 0, .nl_groups = 2 }, now = { 0 };
	int bound, fresh, connected;
	uint32_t port, groups;
	socklen_t len = sizeof(now);

	test_init(argc, argv);
	bound = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	fresh = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	connected = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	if (bound < 0 || fresh < 0 || connected < 0 || bind(bound, (struct sockaddr *)&a, sizeof(a)) ||
	    connect(connected, (struct sockaddr *)&peer, sizeof(peer))) {
		pr_perror("cannot set up");
		return 1;
	}
	port = port_of(bound, NULL);

	test_daemon();
	test_waitsig();

	if (port_of(bound, &groups) != port || groups != RTMGRP_NOTIFY)
		fail("it has the port %u and the groups %#x", port_of(bound, NULL), groups);
	else if (port_of(fresh, NULL))
		fail("who had no port has %u", port_of(fresh, NULL));
	else if (getpeername(connected, (struct sockaddr *)&now, &len) || now.nl_groups != 2)
		fail("it is connected to the groups %#x", now.nl_groups);
	else if (!answers(bound) || !answers(fresh))
		fail("the kernel does not answer");
	else
		pass();
	return 0;
}
