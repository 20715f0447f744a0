// SPDX-License-Identifier: GPL-2.0-only
/* Queues of sockets of one port among which the kernel chooses (SO_REUSEPORT): what one has the other never gets. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define NR_SOCKETS   4
#define NR_DATAGRAMS 64

static int fds[NR_SOCKETS];
static char before[NR_DATAGRAMS]; /* which socket has that datagram */

static long queued(void)
{
	long sum = 0;
	int i;

	for (i = 0; i < NR_SOCKETS; i++)
		sum += udp_queued(fds[i]);
	return sum;
}

static int make(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	socklen_t len = sizeof(*a);

	return fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
			       bind(fd, (struct sockaddr *)a, len) || getsockname(fd, (struct sockaddr *)a, &len)
		       ? -1
		       : fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int sender, i, offset, none = -1, got = 0;
	int64_t until;
	long had;
	char number;

	test_init(argc, argv);
	for (i = 0; i < NR_SOCKETS; i++)
		if (fds[i] = make(&a), fds[i] < 0) {
			pr_perror("cannot make a socket");
			return 1;
		}
	for (number = 0; number < NR_DATAGRAMS; number++) {
		had = queued();
		sender = socket(AF_INET, SOCK_DGRAM, 0);
		if (sender < 0 || sendto(sender, &number, 1, 0, (struct sockaddr *)&a, sizeof(a)) != 1) {
			pr_perror("cannot send");
			return 1;
		}
		until = now_us() + 20000000;
		while (queued() == had && now_us() < until)
			usleep(100);
		close(sender);
		if (queued() == had) {
			pr_err("datagram %d does not arrive\n", number);
			return 1;
		}
	}
	for (i = 0; i < NR_SOCKETS; i++) {
		offset = 0;
		if (setsockopt(fds[i], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)))
			return 1;
		while (recv(fds[i], &number, 1, MSG_PEEK | MSG_DONTWAIT) == 1)
			before[(int)number] = (char)i;
		if (setsockopt(fds[i], SOL_SOCKET, SO_PEEK_OFF, &none, sizeof(none)))
			return 1;
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < NR_SOCKETS; i++)
		while (recv(fds[i], &number, 1, MSG_DONTWAIT) == 1) {
			got++;
			if (before[(int)number] != i)
				fail("socket %d has got what socket %d had", i, before[(int)number]);
		}
	if (got == 0)
		fail("nothing comes back");
	pass();
	return 0;
}
