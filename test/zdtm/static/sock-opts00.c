// SPDX-License-Identifier: GPL-2.0-only
/* Options of level SOL_SOCKET, of a TCP, a UDP and a UNIX socket. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
static const struct {
	int name, value;
} options[] = {
	{ SO_KEEPALIVE, 1 }, { SO_OOBINLINE, 1 }, { SO_PRIORITY, 5 }, { SO_RCVLOWAT, 9 }, { SO_MARK, 77 },
	{ SO_PASSCRED, 1 },  { SO_DONTROUTE, 1 }, { SO_NO_CHECK, 1 }, { SO_BROADCAST, 1 }, { SO_TIMESTAMP, 1 },
	{ SO_SNDBUF, 40000 }, { SO_RCVBUF, 50000 }, { SO_REUSEADDR, 1 }, { SO_BUSY_POLL, 50 },
};

static int get(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(fd, SOL_SOCKET, name, &value, &len);
	return value;
}

int main(int argc, char **argv)
{
	const struct linger linger = { 1, 13 };
	const struct timeval wait = { 3, 500000 };
	int fds[array_size(families)], before[array_size(families)][array_size(options)];
	struct timeval waits;
	struct linger lingers;
	socklen_t len;
	size_t i, k;

	test_init(argc, argv);
	for (i = 0; i < array_size(families); i++) {
		fds[i] = socket(families[i], i == 1 ? SOCK_DGRAM : SOCK_STREAM, 0);
		if (fds[i] < 0 || setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ||
		    setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
		    setsockopt(fds[i], SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait))) {
			pr_perror("socket %zu", i);
			return 1;
		}
		/* Not every family has every option. */
		for (k = 0; k < array_size(options); k++) {
			setsockopt(fds[i], SOL_SOCKET, options[k].name, &options[k].value, sizeof(int));
			before[i][k] = get(fds[i], options[k].name);
		}
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(families); i++) {
		for (k = 0; k < array_size(options); k++)
			if (get(fds[i], options[k].name) != before[i][k]) {
				fail("option %d of socket %zu is %d, not %d", options[k].name, i,
				     get(fds[i], options[k].name), before[i][k]);
				return 1;
			}
		len = sizeof(lingers);
		if (getsockopt(fds[i], SOL_SOCKET, SO_LINGER, &lingers, &len) || lingers.l_onoff != 1 ||
		    lingers.l_linger != 13) {
			fail("socket %zu lingers %d s", i, lingers.l_linger);
			return 1;
		}
		len = sizeof(waits);
		if (getsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &waits, &len) || waits.tv_sec != 3 ||
		    waits.tv_usec != 500000 || getsockopt(fds[i], SOL_SOCKET, SO_SNDTIMEO, &waits, &len) ||
		    waits.tv_sec != 3) {
			fail("socket %zu waits %ld s", i, waits.tv_sec);
			return 1;
		}
	}
	pass();
	return 0;
}
