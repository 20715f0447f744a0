// SPDX-License-Identifier: GPL-2.0-only
/* A packet socket that asked for all packets of an interface, and for all multicasts: neither names an address. */
#include "zdtmtst.h"

#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

struct counts {
	unsigned promiscuity, allmulti;
};

/* How many have asked the interface for either; of the second Linux tells since 6.0. */
static int count(int interface, struct counts *counts)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} request = { { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
		      { .ifi_index = interface } };
	char answer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	ssize_t n = -1;
	int left;

	if (send(fd, &request, sizeof(request), 0) == sizeof(request))
		n = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	if (n < 0 || !NLMSG_OK(h, n) || h->nlmsg_type != RTM_NEWLINK)
		return -1;
	left = IFLA_PAYLOAD(h);
	for (const struct rtattr *a = IFLA_RTA(NLMSG_DATA(h)); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_PROMISCUITY)
			counts->promiscuity = *(unsigned *)RTA_DATA(a);
		else if (a->rta_type == IFLA_ALLMULTI)
			counts->allmulti = *(unsigned *)RTA_DATA(a);
	return 0;
}

int main(int argc, char **argv)
{
	struct packet_mreq all = { .mr_type = PACKET_MR_PROMISC }, multi = { .mr_type = PACKET_MR_ALLMULTI };
	struct counts first = { 0 }, asked = { 0 }, now = { 0 };
	int lo, fd;

	test_init(argc, argv);
	lo = (int)if_nametoindex("lo");
	all.mr_ifindex = multi.mr_ifindex = lo;
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (count(lo, &first) || setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &multi, sizeof(multi)) || count(lo, &asked)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (count(lo, &now) || now.promiscuity != asked.promiscuity || now.allmulti != asked.allmulti)
		fail("%u have asked for all packets, %u for all multicasts; it was %u and %u", now.promiscuity, now.allmulti,
		     asked.promiscuity, asked.allmulti);
	else if (setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &all, sizeof(all)) ||
		 setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &multi, sizeof(multi)) || count(lo, &now))
		fail("cannot give them up");
	else if (now.promiscuity != first.promiscuity || now.allmulti != first.allmulti)
		fail("%u have still asked for all packets, %u for all multicasts", now.promiscuity, now.allmulti);
	else
		pass();
	return 0;
}
