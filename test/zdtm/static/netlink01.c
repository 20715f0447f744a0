// SPDX-License-Identifier: GPL-2.0-only
/* A netlink socket whose answer was not read yet is refused. */
/* zdtm: expect="not-yet:messages that were not read" */
#include "zdtmtst.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg msg;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP }, .msg.rtgen_family = AF_UNSPEC };
	int fd;

	test_init(argc, argv);
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (fd < 0 || send(fd, &request, sizeof(request), 0) != sizeof(request)) {
		pr_perror("cannot ask");
		return 1;
	}
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
