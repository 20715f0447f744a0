// SPDX-License-Identifier: GPL-2.0-only
/* What stands in the queue of a UDP socket: order, sizes, senders that are there, have gone or are elsewhere. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE 60000

struct datagram {
	uint32_t from; /* address, in the order of this machine */
	uint32_t to;
	size_t size;
	int is_elsewhere; /* the address is no one of this machine */
	int fd;
	uint16_t port;
	uint32_t crc;
};

static struct datagram sent[] = {
	{ .from = INADDR_LOOPBACK, .to = INADDR_LOOPBACK, .size = 5 },
	{ .from = INADDR_LOOPBACK + 4, .to = INADDR_LOOPBACK + 6, .size = LARGE },
	{ .from = INADDR_LOOPBACK, .to = INADDR_LOOPBACK, .size = 0 },
	{ .from = 0xc0000201, .to = INADDR_LOOPBACK, .size = 77, .is_elsewhere = 1 }, /* 192.0.2.1 */
	{ .from = INADDR_LOOPBACK + 4, .to = INADDR_LOOPBACK, .size = 0 },
	{ .from = INADDR_LOOPBACK + 4, .to = INADDR_LOOPBACK, .size = 1 },
};

static char buf[LARGE];

static int put(struct datagram *d, int receiver, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(d->from) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(d->to), .sin_port = port };
	socklen_t len = sizeof(a);
	int on = 1;

	d->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (d->fd < 0 || (d->is_elsewhere && setsockopt(d->fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on))) ||
	    bind(d->fd, (struct sockaddr *)&a, len) || getsockname(d->fd, (struct sockaddr *)&a, &len))
		return -1;
	d->port = a.sin_port;
	d->crc = CRC_INIT;
	datagen(buf, d->size, &d->crc);
	return udp_deliver(d->fd, receiver, buf, d->size, &to, sizeof(to));
}

static int get(int fd, int number, const struct datagram *d)
{
	struct sockaddr_in a;
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct msghdr msg = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t size = recvmsg(fd, &msg, MSG_DONTWAIT);
	const struct in_pktinfo *info = (const void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));

	if (size != (ssize_t)d->size)
		fail_errno("datagram %d has %zd bytes", number, size);
	else if (datachk(buf, d->size, d->crc))
		fail("datagram %d has other data", number);
	else if (a.sin_addr.s_addr != htonl(d->from) || a.sin_port != d->port)
		fail("datagram %d is from %x, port %d", number, ntohl(a.sin_addr.s_addr), ntohs(a.sin_port));
	else if (msg.msg_controllen == 0 || info->ipi_addr.s_addr != htonl(d->to))
		fail("datagram %d was sent to another address", number);
	else
		return 0;
	return -1;
}

int main(int argc, char **argv)
{
	struct datagram late = { .from = INADDR_LOOPBACK, .to = INADDR_LOOPBACK, .size = 9 };
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd, on = 1, off = 0;
	socklen_t len = sizeof(a);
	unsigned int i;

	test_init(argc, argv);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len)) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < array_size(sent); i++)
		if (put(&sent[i], fd, a.sin_port)) {
			pr_perror("cannot send datagram %u", i);
			return 1;
		}
	close(sent[1].fd), close(sent[3].fd);

	test_daemon();
	test_waitsig();

	if (getsockopt(fd, IPPROTO_IP, IP_PKTINFO, &off, &len) || off) {
		fail("the socket has got an option");
		return 1;
	}
	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) || put(&late, fd, a.sin_port)) {
		fail_errno("cannot send any more");
		return 1;
	}
	for (i = 0; i < array_size(sent); i++)
		if (get(fd, (int)i, &sent[i]))
			return 1;
	if (get(fd, -1, &late))
		return 1;
	if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) != -1 || errno != EAGAIN)
		fail("there is more");
	else
		pass();
	return 0;
}
