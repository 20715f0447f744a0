// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors under way in a socket: of both its own ends, and several in one message. */
#include "zdtmtst.h"

#include "rights.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AT_ONCE = 3 };

int main(int argc, char **argv)
{
	int way[2], other[2], pipes[2], several[AT_ONCE], null;
	struct stat st;
	char c = 0;

	test_init(argc, argv);
	null = open("/dev/null", O_WRONLY | O_APPEND);
	if (null < 0 || pipe(pipes) || socketpair(AF_UNIX, SOCK_STREAM, 0, way) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, other)) {
		pr_perror("cannot set up");
		return 1;
	}
	several[0] = pipes[0], several[1] = pipes[1], several[2] = null;
	if (send_fds(way[0], several, AT_ONCE) || send_fds(way[0], &other[0], 1) || write(pipes[1], "p", 1) != 1 ||
	    close(pipes[0]) || close(pipes[1]) || close(null) || close(other[0])) {
		pr_perror("cannot pass them on");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (receive_fds(way[1], several, AT_ONCE, NULL) || receive_fds(way[1], &other[0], 1, NULL)) {
		fail_errno("they do not come");
		return 1;
	}
	if (read(several[0], &c, 1) != 1 || c != 'p' || write(several[1], "q", 1) != 1 || read(several[0], &c, 1) != 1)
		fail_errno("the pipe is another");
	else if (fstat(several[2], &st) || !S_ISCHR(st.st_mode) || !(fcntl(several[2], F_GETFL) & O_APPEND))
		fail("the device is another");
	else if (write(other[0], "s", 1) != 1 || read(other[1], &c, 1) != 1 || c != 's')
		fail_errno("the socket is another");
	else
		pass();
	return 0;
}
