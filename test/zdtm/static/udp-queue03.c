// SPDX-License-Identifier: GPL-2.0-only
/* The queue of a UDP socket whose options would keep it from being filled: a filter, a small buffer, SO_PEEK_OFF. */
#include "zdtmtst.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define NR_DATAGRAMS 40 /* more than a new socket has room for */

int main(int argc, char **argv)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { .len = array_size(code), .filter = code };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd, sender, large = 8 << 20, wanted = 1, buffer = 0, offset = 4, value = 0, i;
	socklen_t len = sizeof(a), size = sizeof(int);
	static char buf[32768];

	test_init(argc, argv);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	sender = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || sender < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large)) ||
	    bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len) ||
	    connect(sender, (struct sockaddr *)&a, sizeof(a))) {
		pr_perror("cannot set up");
		return 1;
	}
	for (i = 0; i < NR_DATAGRAMS; i++) {
		buf[0] = (char)i;
		if (udp_deliver(sender, fd, buf, sizeof(buf), NULL, 0)) {
			pr_perror("cannot send");
			return 1;
		}
	}
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted)) ||
	    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, &size) ||
	    setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset))) {
		pr_perror("cannot set an option");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &size) || value != buffer)
		fail("the buffer has %d bytes, not %d", value, buffer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, &size) || value != offset)
		fail("SO_PEEK_OFF is %d", value);
	if (send(sender, "new", 3, 0) != 3)
		fail_errno("cannot send");
	for (i = 0; i < NR_DATAGRAMS; i++)
		if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) != sizeof(buf) || buf[0] != i)
			fail_errno("datagram %d does not come", i);
	if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) != -1)
		fail("the filter lets something pass");
	pass();
	return 0;
}
