// SPDX-License-Identifier: GPL-2.0-only
/* One datagram socket, many that are connected to it, of several tasks; each message says who sent it. */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SENDERS = 5 };

static struct sockaddr_un names[SENDERS + 1];
static socklen_t len;
static int senders[SENDERS];

static int child(void *arg)
{
	int own = *(int *)arg;

	child_ready();
	test_waitsig();
	return send(senders[own], &own, sizeof(own), 0) != sizeof(own);
}

int main(int argc, char **argv)
{
	int receiver = socket(AF_UNIX, SOCK_DGRAM, 0), i, got;
	struct sockaddr_un from;
	pid_t pids[SENDERS];
	socklen_t from_len;

	test_init(argc, argv);
	for (i = 0; i <= SENDERS; i++) {
		names[i].sun_family = AF_UNIX;
		len = sizeof(sa_family_t) + 1 + snprintf(names[i].sun_path + 1, 60, "senders00-%07d-%d", getpid(), i);
	}
	if (receiver < 0 || bind(receiver, (struct sockaddr *)&names[SENDERS], len)) {
		pr_perror("the receiver");
		return 1;
	}
	for (i = 0; i < SENDERS; i++) {
		senders[i] = socket(AF_UNIX, SOCK_DGRAM, 0);
		if (senders[i] < 0 || bind(senders[i], (struct sockaddr *)&names[i], len) ||
		    connect(senders[i], (struct sockaddr *)&names[SENDERS], len)) {
			pr_perror("sender %d", i);
			return 1;
		}
		pids[i] = start_child(child, &i);
		if (pids[i] < 0)
			return 1;
	}

	test_daemon();
	test_waitsig();

	for (i = SENDERS - 1; i >= 0; i--) {
		if (finish_child(pids[i])) {
			fail("sender %d cannot send", i);
			return 1;
		}
		from_len = sizeof(from);
		if (recvfrom(receiver, &got, sizeof(got), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len) !=
			    sizeof(got) ||
		    got != i || from_len != len || memcmp(&from, &names[i], len)) {
			fail_errno("message %d is another, or from somebody else", i);
			return 1;
		}
	}
	pass();
	return 0;
}
