// SPDX-License-Identifier: GPL-2.0-only
/* A server whose name is relative to the directory that it was in then. */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(dirname, "where the socket is");

int main(int argc, char **argv)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "relative" }, got;
	int listening, client;
	socklen_t len = sizeof(got);

	test_init(argc, argv);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	if (mkdir(dirname, 0700) || chdir(dirname) || bind(listening, (struct sockaddr *)&name, sizeof(name)) ||
	    listen(listening, 2)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getsockname(listening, (struct sockaddr *)&got, &len) || strcmp(got.sun_path, "relative"))
		fail("the name is %s", got.sun_path);
	else if (connect(client, (struct sockaddr *)&name, sizeof(name)) || accept(listening, NULL, NULL) < 0)
		fail_errno("it is not found");
	else
		pass();
	return 0;
}
