// SPDX-License-Identifier: GPL-2.0-only
/* Pipes of which one end is closed: data and end of file on one, EPIPE on the other. */
#include "zdtmtst.h"

#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int no_writer[2], no_reader[2];
	char buf[16];

	test_init(argc, argv);
	if (pipe(no_writer) || pipe(no_reader) || write(no_writer[1], "rest", 4) != 4 ||
	    close(no_writer[1]) || close(no_reader[0])) {
		pr_perror("pipe");
		return 1;
	}

	test_daemon();
	test_waitsig();

	signal(SIGPIPE, SIG_IGN);
	if (read(no_writer[0], buf, sizeof(buf)) != 4 || memcmp(buf, "rest", 4))
		fail("the data is lost");
	else if (read(no_writer[0], buf, sizeof(buf)) != 0)
		fail("no end of file: somebody holds the closed end");
	else if (write(no_reader[1], "x", 1) != -1 || errno != EPIPE)
		fail("no EPIPE: somebody holds the closed end");
	else
		pass();
	return 0;
}
