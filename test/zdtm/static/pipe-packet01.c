// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pipe in packet mode (O_DIRECT, pipe2(2)) that holds packets: each comes out by itself, to the last byte of the
 * first. So they do where no end is in that mode any more, and what was written behind them is a stream.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static const size_t sizes[] = { 3, 1, PIPE_BUF, 6, 1, 1 };

int main(int argc, char **argv)
{
	static char data[2 * PIPE_BUF], got[2 * PIPE_BUF];
	int p[2], q[2], mixed[2];
	size_t i;

	test_init(argc, argv);
	memset(data, 'x', sizeof(data));
	/* Of the second only who writes knows that there are packets. */
	if (pipe2(p, O_DIRECT) || pipe(q) || fcntl(q[1], F_SETFL, O_DIRECT)) {
		pr_perror("pipe2");
		return 1;
	}
	for (i = 0; i < array_size(sizes); i++) {
		data[0] = (char)i;
		if (write(p[1], data, sizes[i]) != (ssize_t)sizes[i] || write(q[1], data, sizes[i]) != (ssize_t)sizes[i]) {
			pr_perror("write");
			return 1;
		}
	}
	if (pipe2(mixed, O_DIRECT) || write(mixed[1], "one", 3) != 3 || write(mixed[1], "two", 3) != 3 ||
	    fcntl(mixed[0], F_SETFL, 0) || fcntl(mixed[1], F_SETFL, 0) || write(mixed[1], "rest", 4) != 4) {
		pr_perror("packets, and a stream behind them");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(sizes); i++) {
		ssize_t n = read(p[0], got, sizeof(got)), m = read(q[0], got, sizeof(got));

		if (n != (ssize_t)sizes[i] || m != n || got[0] != (char)i) {
			fail("packet %zu has %zd and %zd bytes, not %zu", i, n, m, sizes[i]);
			return 1;
		}
	}
	if (write(mixed[1], "more", 4) != 4 || read(mixed[0], got, sizeof(got)) != 3 || memcmp(got, "one", 3) ||
	    read(mixed[0], got, 2) != 2 || memcmp(got, "tw", 2) || read(mixed[0], got, 2) != 2 || memcmp(got, "re", 2) ||
	    read(mixed[0], got, sizeof(got)) != 6 || memcmp(got, "stmore", 6)) {
		fail("packets, and a stream behind them: not as written");
		return 1;
	}
	pass();
	return 0;
}
