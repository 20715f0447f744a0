// SPDX-License-Identifier: GPL-2.0-only
/* An ICMP socket (icmp(7)), bound to its identifier and connected. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const char range[] = "/proc/sys/net/ipv4/ping_group_range";

int main(int argc, char **argv)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons(4711) };
	struct sockaddr_in now, peer = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct icmphdr echo = { .type = ICMP_ECHO, .un.echo.sequence = htons(7) }, answer;
	socklen_t len = sizeof(now);
	char before[64];
	int fd;

	test_init(argc, argv);
	/* Who may have one: for the time of this test, root's group. It may send all that by a raw socket anyway. */
	if (read_file(range, before, sizeof(before)) < 0)
		skip("this kernel has no ICMP sockets");
	if (write_file(range, "0 0"))
		skip("ICMP sockets cannot be allowed here");
	fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) ||
	    connect(fd, (struct sockaddr *)&peer, sizeof(peer))) {
		pr_perror("cannot set up");
		write_file(range, before);
		return 1;
	}

	test_daemon();
	test_waitsig();

	write_file(range, before);
	if (getsockname(fd, (struct sockaddr *)&now, &len) || now.sin_port != own.sin_port)
		fail("the identifier is %d", ntohs(now.sin_port));
	else if (send(fd, &echo, sizeof(echo), 0) != sizeof(echo))
		fail_errno("it is not connected");
	else if (recv(fd, &answer, sizeof(answer), 0) != sizeof(answer) || answer.type != ICMP_ECHOREPLY ||
		 answer.un.echo.sequence != echo.un.echo.sequence || answer.un.echo.id != own.sin_port)
		fail("that is not the answer");
	else
		pass();
	return 0;
}
