// SPDX-License-Identifier: GPL-2.0-only
/* A descriptor of /dev/net/tun that has no device yet: it can be given one. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct ifreq r = { .ifr_name = "zdtm-tun00", .ifr_flags = IFF_TUN | IFF_NO_PI }, now = { 0 };
	int fd;

	test_init(argc, argv);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (fd < 0)
		skip("no /dev/net/tun here");

	test_daemon();
	test_waitsig();

	if ((fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) != (O_RDWR | O_NONBLOCK))
		fail("its flags are %#o", fcntl(fd, F_GETFL));
	else if (!ioctl(fd, TUNGETIFF, &now) || errno != EBADFD)
		fail("it has the device %s", now.ifr_name);
	else if (ioctl(fd, TUNSETIFF, &r))
		fail_errno("it cannot be given a device");
	else if (!if_nametoindex("zdtm-tun00"))
		fail("there is no such device");
	else
		pass();
	return 0;
}
