// SPDX-License-Identifier: GPL-2.0-only
/* Close-on-exec belongs to the number, not to the description: each keeps its own. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

#define FDS 16

int main(int argc, char **argv)
{
	int fds[FDS];

	test_init(argc, argv);
	fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 1; i < FDS; i++)
		fds[i] = fcntl(fds[0], i % 3 ? F_DUPFD : F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < FDS; i++) {
		if (fds[i] < 0) {
			pr_perror("cannot set up");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < FDS; i++) {
		int flags = fcntl(fds[i], F_GETFD);

		if (flags != (i % 3 ? 0 : FD_CLOEXEC)) {
			fail("descriptor %d has flags %d", fds[i], flags);
			return 1;
		}
	}
	pass();
	return 0;
}
