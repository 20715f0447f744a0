// SPDX-License-Identifier: GPL-2.0-only
/* Unread data both ways in raw mode: more than the terminal's buffer holds for the master, and every character. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

static unsigned char out[20000], in[1000], got[sizeof(out)];

int main(int argc, char **argv)
{
	struct termios modes;
	int master, slave;
	ssize_t written;

	test_init(argc, argv);
	if (openpty(&master, &slave, NULL, NULL, NULL) || tcgetattr(slave, &modes)) {
		pr_perror("openpty");
		return 1;
	}
	cfmakeraw(&modes);
	modes.c_oflag = OPOST | ONLCR;
	modes.c_cc[VMIN] = 4;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = 'a' + i % 23;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = i;
	memcpy(out, "\n\r\n", 3);
	if (tcsetattr(slave, TCSANOW, &modes) || fcntl(slave, F_SETFL, O_NONBLOCK) || fcntl(master, F_SETFL, O_NONBLOCK) ||
	    write(master, in, sizeof(in)) != sizeof(in)) {
		pr_perror("cannot set up");
		return 1;
	}
	/* As much as goes in. */
	written = write(slave, out, sizeof(out));
	if (written < 5000) {
		pr_perror("wrote %zd bytes", written);
		return 1;
	}

	test_daemon();
	test_waitsig();

	/* Each newline has a carriage return before it; the last one may not have gone in. */
	if (read_all(master, got, 5) != 5 || memcmp(got, "\r\n\r\r\n", 5))
		fail_errno("the master reads %02x %02x %02x %02x %02x", got[0], got[1], got[2], got[3], got[4]);
	else if (read_all(master, got, sizeof(got)) != (size_t)written - 3 || memcmp(got, out + 3, written - 3))
		fail_errno("the master does not read the %zd bytes that the slave wrote", written);
	else if (read_all(slave, got, sizeof(got)) != sizeof(in) || memcmp(got, in, sizeof(in)))
		fail_errno("the slave does not read what the master wrote");
	else
		pass();
	return 0;
}
