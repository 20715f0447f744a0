// SPDX-License-Identifier: GPL-2.0-only
/* A socket with a filter, SO_ATTACH_FILTER. */
#include "zdtmtst.h"

#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	/* What is longer than 3 bytes is cut to 3. */
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 3) };
	struct sock_fprog program = { .len = array_size(code), .filter = code };
	int pair[2];
	char buf[16];

	test_init(argc, argv);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
	    setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (send(pair[0], "filtered", 8, 0) != 8 || recv(pair[1], buf, sizeof(buf), 0) != 3)
		fail("nothing is filtered");
	else
		pass();
	return 0;
}
