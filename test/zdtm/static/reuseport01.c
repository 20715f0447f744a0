// SPDX-License-Identifier: GPL-2.0-only
/* UDP sockets that have one port in common (SO_REUSEPORT): whoever sends keeps the socket that it had. */
#include "zdtmtst.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS 4
#define SENDERS 32

struct group {
	struct sockaddr_in6 at;
	int workers[WORKERS], senders[SENDERS], chosen[SENDERS];
};

/* Not in the order of their descriptors, and not in the reverse. */
static const int order[WORKERS] = { 2, 0, 3, 1 };

static int make(struct group *g, int family)
{
	socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int on = 1;

	g->at = (struct sockaddr_in6){ .sin6_family = family };
	if (family == AF_INET)
		((struct sockaddr_in *)&g->at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		g->at.sin6_addr = in6addr_loopback;
	for (int i = 0; i < WORKERS; i++) {
		g->workers[i] = socket(family, SOCK_DGRAM, 0);
		if (g->workers[i] < 0 || setsockopt(g->workers[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
			return -1;
	}
	for (int i = 0; i < WORKERS; i++)
		if (bind(g->workers[order[i]], (struct sockaddr *)&g->at, size) ||
		    getsockname(g->workers[order[i]], (struct sockaddr *)&g->at, &size))
			return -1;
	for (int i = 0; i < SENDERS; i++) {
		g->senders[i] = socket(family, SOCK_DGRAM, 0);
		if (g->senders[i] < 0 || connect(g->senders[i], (struct sockaddr *)&g->at, size))
			return -1;
	}
	return 0;
}

/* Which socket gets what it sends; -1: none within some seconds. */
static int find_worker(const struct group *g, int sender)
{
	struct pollfd fds[WORKERS];
	char byte = 0;

	for (int i = 0; i < WORKERS; i++)
		fds[i] = (struct pollfd){ g->workers[i], POLLIN, 0 };
	if (send(g->senders[sender], &byte, 1, 0) != 1 || poll(fds, WORKERS, 20000) != 1)
		return -1;
	for (int i = 0; i < WORKERS; i++)
		if (fds[i].revents == POLLIN && recv(g->workers[i], &byte, 1, MSG_DONTWAIT) == 1)
			return i;
	return -1;
}

int main(int argc, char **argv)
{
	static struct group groups[2];

	test_init(argc, argv);
	for (int f = 0; f < 2; f++) {
		if (make(&groups[f], f == 0 ? AF_INET : AF_INET6)) {
			pr_perror("cannot make the sockets");
			return 1;
		}
		for (int i = 0; i < SENDERS; i++) {
			groups[f].chosen[i] = find_worker(&groups[f], i);
			if (groups[f].chosen[i] < 0) {
				pr_err("nobody gets what is sent");
				return 1;
			}
		}
	}

	test_daemon();
	test_waitsig();

	for (int f = 0; f < 2; f++)
		for (int i = 0; i < SENDERS; i++) {
			int worker = find_worker(&groups[f], i);

			if (worker != groups[f].chosen[i]) {
				fail("group %d: sender %d has socket %d, had %d", f, i, worker, groups[f].chosen[i]);
				return 1;
			}
		}
	pass();
	return 0;
}
