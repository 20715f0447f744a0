// SPDX-License-Identifier: GPL-2.0-only
/* Queues of UDP sockets. */
#include "zdtmtst.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

long udp_queued(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t len = sizeof(memory);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) ? -1 : (long)memory[SK_MEMINFO_RMEM_ALLOC];
}

int udp_deliver(int fd, int receiver, const void *data, size_t size, const void *to, socklen_t len)
{
	const int64_t until = now_us() + 20000000;
	long before = udp_queued(receiver);

	if (before < 0 || sendto(fd, data, size, 0, to, len) != (ssize_t)size)
		return -1;
	while (udp_queued(receiver) == before) {
		if (now_us() > until) {
			errno = ETIMEDOUT;
			return -1;
		}
		usleep(100);
	}
	return 0;
}
