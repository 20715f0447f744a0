// SPDX-License-Identifier: GPL-2.0-only
/* A persistent device stays at the dump, and its descriptor is attached to it again. */
#include "tun.h"
#include "zdtmtst.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NAME "zdtm-tun03"

int main(int argc, char **argv)
{
	struct ifreq now = { 0 };
	unsigned int number;
	int fd;

	test_init(argc, argv);
	fd = tun_open(NAME, IFF_TUN | IFF_NO_PI);
	if (fd < 0 || tun_up(NAME, "10.244.74.1", 1400) || ioctl(fd, TUNSETPERSIST, 1)) {
		pr_perror("cannot set up");
		return 1;
	}
	number = if_nametoindex(NAME);

	test_daemon();
	test_waitsig();

	if (ioctl(fd, TUNGETIFF, &now) || strcmp(now.ifr_name, NAME) || !(now.ifr_flags & IFF_PERSIST))
		fail("its device is %s, with flags %#x", now.ifr_name, (unsigned short)now.ifr_flags);
	else if (if_nametoindex(NAME) != number)
		fail("it is another device: number %u, and was %u", if_nametoindex(NAME), number);
	else if (tun_send("10.244.74.2", "through it") || tun_receive(fd, "through it") != 28)
		fail("a packet does not come");
	else
		pass();
	if (ioctl(fd, TUNSETPERSIST, 0))
		fail_errno("it cannot be made to go");
	return 0;
}
