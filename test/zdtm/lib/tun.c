// SPDX-License-Identifier: GPL-2.0-only
#include "tun.h"
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int tun_open(const char *name, int flags)
{
	struct ifreq r = { .ifr_flags = (short)flags };
	int fd = open("/dev/net/tun", O_RDWR);

	if (fd < 0)
		skip("no /dev/net/tun here");
	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &r)) {
		if (errno == EPERM)
			skip("no network device may be made here");
		close(fd);
		return -1;
	}
	return fd;
}

static int set_address(int s, struct ifreq *r, unsigned long request, const char *address)
{
	struct sockaddr_in *a = (struct sockaddr_in *)&r->ifr_addr;

	memset(a, 0, sizeof(*a));
	a->sin_family = AF_INET;
	inet_pton(AF_INET, address, &a->sin_addr);
	return ioctl(s, request, r);
}

int tun_up(const char *name, const char *address, int mtu)
{
	struct ifreq r = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM, 0), rc;

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	rc = set_address(s, &r, SIOCSIFADDR, address) || set_address(s, &r, SIOCSIFNETMASK, "255.255.255.0");
	r.ifr_mtu = mtu;
	rc = rc || ioctl(s, SIOCSIFMTU, &r) || ioctl(s, SIOCGIFFLAGS, &r);
	r.ifr_flags |= IFF_UP;
	rc = rc || ioctl(s, SIOCSIFFLAGS, &r);
	close(s);
	return rc ? -1 : 0;
}

int tun_mtu(const char *name)
{
	struct ifreq r = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM, 0), rc;

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	rc = ioctl(s, SIOCGIFMTU, &r);
	close(s);
	return rc ? -1 : r.ifr_mtu;
}

int tun_send(const char *address, const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t n;

	inet_pton(AF_INET, address, &a.sin_addr);
	n = sendto(s, text, strlen(text), 0, (struct sockaddr *)&a, sizeof(a));
	close(s);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

ssize_t tun_receive(int fd, const char *text)
{
	char buf[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t size = strlen(text);
	ssize_t n;

	/* The kernel sends packets of its own by a new device. */
	while (poll(&p, 1, 20000) == 1 && (n = read(fd, buf, sizeof(buf))) > 0)
		if ((size_t)n > size && !memcmp(buf + n - size, text, size))
			return n - (ssize_t)size;
	return -1;
}
