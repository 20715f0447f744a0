// SPDX-License-Identifier: GPL-2.0-only
/* What a file was opened with, and has been given since: O_DIRECT, O_SYNC, O_NOATIME, O_NONBLOCK. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

TEST_OPTION(filename, "the file");

static const int wanted[] = { O_RDONLY, O_WRONLY | O_SYNC, O_RDWR | O_DSYNC, O_RDONLY | O_NOATIME, O_RDWR | O_NONBLOCK,
			      O_RDWR | O_DIRECT };

int main(int argc, char **argv)
{
	int fds[array_size(wanted)], before[array_size(wanted)], now, set;
	size_t i;

	test_init(argc, argv);
	close(open(filename, O_WRONLY | O_CREAT, 0600));
	for (i = 0; i < array_size(wanted); i++) {
		fds[i] = open(filename, wanted[i]);
		/* Not every file system has O_DIRECT. */
		if (fds[i] < 0 && !(wanted[i] & O_DIRECT)) {
			pr_perror("flags %o", wanted[i]);
			return 1;
		}
		before[i] = fds[i] < 0 ? 0 : fcntl(fds[i], F_GETFL);
	}
	set = fcntl(fds[0], F_SETFL, O_APPEND | O_NONBLOCK);
	before[0] = fcntl(fds[0], F_GETFL);
	if (set) {
		pr_perror("F_SETFL");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(wanted); i++) {
		now = fds[i] < 0 ? 0 : fcntl(fds[i], F_GETFL);
		if (now != before[i]) {
			fail("flags %o have become %o", before[i], now);
			return 1;
		}
	}
	pass();
	return 0;
}
