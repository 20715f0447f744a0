// SPDX-License-Identifier: GPL-2.0-only
/* A pipe in packet mode (O_DIRECT, pipe2(2)): each read still gives one write's bytes. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char buf[64];
	int p[2];

	test_init(argc, argv);
	if (pipe2(p, O_DIRECT)) {
		pr_perror("pipe2");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!(fcntl(p[1], F_GETFL) & O_DIRECT))
		fail("the writing end is not in packet mode");
	else if (write(p[1], "one", 3) != 3 || write(p[1], "second", 6) != 6)
		fail_errno("cannot write");
	else if (read(p[0], buf, sizeof(buf)) != 3 || read(p[0], buf, sizeof(buf)) != 6)
		fail("packets are not kept apart");
	else
		pass();
	return 0;
}
