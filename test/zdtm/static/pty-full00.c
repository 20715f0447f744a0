// SPDX-License-Identifier: GPL-2.0-only
/* Terminals that take nothing more: one in which nobody reads what was typed, one in which nobody reads what a program writes. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

/* zdtm: flags=pts */

/* Of writes of one size, those of this one let most stand there. */
enum { PIECE = 1792, MOST = 25 };

static unsigned char data[MOST * PIECE];

static int make(int *master, int *slave)
{
	struct termios modes;

	if (openpty(master, slave, NULL, NULL, NULL) || tcgetattr(*slave, &modes))
		return -1;
	cfmakeraw(&modes);
	return tcsetattr(*slave, TCSANOW, &modes) || fcntl(*slave, F_SETFL, O_NONBLOCK) ||
	       fcntl(*master, F_SETFL, O_NONBLOCK);
}

/* Until nothing more goes in. What was written before has been taken further by then. */
static size_t fill(int from, int to)
{
	size_t size = 0;

	while (size < sizeof(data)) {
		struct pollfd p = { .fd = to, .events = POLLIN };
		size_t most = sizeof(data) - size;
		ssize_t n = write(from, data + size, most < PIECE ? most : PIECE);

		if (n < 0)
			return errno == EAGAIN ? size : 0;
		size += (size_t)n;
		if (poll(&p, 1, 20000) != 1)
			return 0;
	}
	return 0;
}

static int holds(int fd, size_t size)
{
	for (size_t at = 0; at < size;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		unsigned char piece[8192];
		ssize_t n;

		if (poll(&p, 1, 20000) != 1 || (n = read(fd, piece, sizeof(piece))) <= 0)
			return fail_errno("only %zu of %zu bytes are there", at, size), 0;
		if (at + (size_t)n > size || memcmp(piece, data + at, (size_t)n))
			return fail("other bytes come behind %zu of %zu", at, size), 0;
		at += (size_t)n;
	}
	return 1;
}

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;
	int masters[2], slaves[2];
	size_t typed, written;
	char c;

	test_init(argc, argv);
	datagen(data, sizeof(data), &crc);
	if (make(&masters[0], &slaves[0]) || make(&masters[1], &slaves[1]) ||
	    !(typed = fill(masters[0], slaves[0])) || !(written = fill(slaves[1], masters[1]))) {
		pr_perror("cannot fill terminals");
		return 1;
	}
	test_msg("%zu bytes were typed and %zu written", typed, written);

	test_daemon();
	test_waitsig();

	if (!holds(slaves[0], typed) || !holds(masters[1], written))
		return 0;
	if (read(slaves[0], &c, 1) != -1 || read(masters[1], &c, 1) != -1)
		fail("more comes than there was");
	else if (write(slaves[1], "ab", 2) != 2 || !memcpy(data, "ab", 2) || !holds(masters[1], 2))
		fail_errno("nothing more goes in");
	else
		pass();
	return 0;
}
