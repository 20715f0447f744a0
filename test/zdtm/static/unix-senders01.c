// SPDX-License-Identifier: GPL-2.0-only
/* One datagram socket with several messages of each of those that have gone: with names of both kinds, and without. */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(filename, "a sender");

enum { SENDERS = 3, MESSAGES = 4, HEAD = offsetof(struct sockaddr_un, sun_path) };

static struct sockaddr_un own = { .sun_family = AF_UNIX }, names[SENDERS];
static socklen_t own_size, sizes[SENDERS];

static void set_names(void)
{
	int i;

	own_size = HEAD + 1 + snprintf(own.sun_path + 1, sizeof(own.sun_path) - 1, "unix-senders01-%d", getpid());
	for (i = 0; i < SENDERS; i++)
		names[i].sun_family = AF_UNIX;
	sizes[0] = HEAD + 1 +
		   snprintf(names[0].sun_path + 1, sizeof(names[0].sun_path) - 1, "unix-senders01-gone-%d", getpid());
	sizes[1] = HEAD + 1 + snprintf(names[1].sun_path, sizeof(names[1].sun_path), "%s", filename);
}

static int make_senders(int senders[SENDERS])
{
	int i;

	for (i = 0; i < SENDERS; i++) {
		senders[i] = socket(AF_UNIX, SOCK_DGRAM, 0);
		if (senders[i] < 0 || (sizes[i] != 0 && bind(senders[i], (struct sockaddr *)&names[i], sizes[i])))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int receiver = socket(AF_UNIX, SOCK_DGRAM, 0), senders[SENDERS], i, got;
	struct sockaddr_un from;
	socklen_t size;

	test_init(argc, argv);
	set_names();
	if (receiver < 0 || bind(receiver, (struct sockaddr *)&own, own_size) || make_senders(senders)) {
		pr_perror("cannot make the sockets");
		return 1;
	}
	for (i = 0; i < MESSAGES * SENDERS - 2; i++) {
		if (sendto(senders[i % SENDERS], &i, sizeof(i), MSG_DONTWAIT, (struct sockaddr *)&own, own_size) != sizeof(i)) {
			pr_perror("message %d", i);
			return 1;
		}
	}
	for (i = 0; i < SENDERS; i++)
		close(senders[i]);

	test_daemon();
	test_waitsig();

	for (i = 0; i < MESSAGES * SENDERS - 2; i++) {
		size = sizeof(from);
		if (recvfrom(receiver, &got, sizeof(got), MSG_DONTWAIT, (struct sockaddr *)&from, &size) != sizeof(got) ||
		    got != i || size != sizes[i % SENDERS] || memcmp(&from, &names[i % SENDERS], size)) {
			fail_errno("message %d is another, or from somebody else", i);
			return 1;
		}
	}
	pass();
	return 0;
}
