// SPDX-License-Identifier: GPL-2.0-only
/* A program has a tun device, as a VPN does: it comes back with its number, MTU, address and route, and packets go through it. */
#include "tun.h"
#include "zdtmtst.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "zdtm-tun01"

/* A network that is reached by a gateway on the device. */
static int add_route(void)
{
	struct rtentry r = { .rt_flags = RTF_UP | RTF_GATEWAY };
	struct sockaddr_in *to = (struct sockaddr_in *)&r.rt_dst, *mask = (struct sockaddr_in *)&r.rt_genmask,
			   *by = (struct sockaddr_in *)&r.rt_gateway;
	int s = socket(AF_INET, SOCK_DGRAM, 0), rc;

	to->sin_family = mask->sin_family = by->sin_family = AF_INET;
	inet_pton(AF_INET, "10.244.72.0", &to->sin_addr);
	inet_pton(AF_INET, "255.255.255.0", &mask->sin_addr);
	inet_pton(AF_INET, "10.244.71.9", &by->sin_addr);
	rc = ioctl(s, SIOCADDRT, &r);
	close(s);
	return rc;
}

int main(int argc, char **argv)
{
	struct ifreq now = { 0 };
	unsigned int number;
	int fd, sndbuf = 300000, sndbuf_now = 0;

	test_init(argc, argv);
	fd = tun_open(NAME, IFF_TUN | IFF_NO_PI);
	if (fd < 0 || tun_up(NAME, "10.244.71.1", 1380) || add_route() || ioctl(fd, TUNSETSNDBUF, &sndbuf)) {
		pr_perror("cannot set up");
		return 1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	number = if_nametoindex(NAME);

	test_daemon();
	test_waitsig();

	if (ioctl(fd, TUNGETIFF, &now) || strcmp(now.ifr_name, NAME) || (now.ifr_flags & (IFF_TUN | IFF_TAP)) != IFF_TUN)
		fail("its device is %s, with flags %#x", now.ifr_name, (unsigned short)now.ifr_flags);
	else if ((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0)
		fail("it would block");
	else if (ioctl(fd, TUNGETSNDBUF, &sndbuf_now) || sndbuf_now != sndbuf)
		fail("its send buffer is %d", sndbuf_now);
	else if (if_nametoindex(NAME) != number)
		fail("its number is %u, and was %u", if_nametoindex(NAME), number);
	else if (tun_mtu(NAME) != 1380)
		fail("its MTU is %d", tun_mtu(NAME));
	/* Without packet information: the headers of IPv4 and UDP are all. */
	else if (tun_send("10.244.71.2", "to a neighbour") || tun_receive(fd, "to a neighbour") != 28)
		fail("a packet to a neighbour does not come");
	else if (tun_send("10.244.72.2", "by a gateway") || tun_receive(fd, "by a gateway") != 28)
		fail("a packet by the route does not come");
	else
		pass();
	return 0;
}
