// SPDX-License-Identifier: GPL-2.0-only
/* A server whose name was removed since, and another that has the same name now. */
#include "zdtmtst.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(filename, "the sockets' name");

static struct sockaddr_un name = { .sun_family = AF_UNIX };

static int server(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) || listen(fd, 2) ? -1 : fd;
}

static int client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) ? -1 : fd;
}

int main(int argc, char **argv)
{
	int old, old_client, old_end, new, late;
	struct sockaddr_un got;
	socklen_t len = sizeof(got);
	char c = 0;

	test_init(argc, argv);
	strncpy(name.sun_path, filename, sizeof(name.sun_path) - 1);
	old = server();
	old_client = client();
	old_end = accept(old, NULL, NULL);
	if (old_client < 0 || old_end < 0 || unlink(filename) || (new = server()) < 0) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (getsockname(old, (struct sockaddr *)&got, &len) || strcmp(got.sun_path, filename))
		fail("the old one has lost its name");
	else if (write(old_client, "o", 1) != 1 || read(old_end, &c, 1) != 1 || c != 'o')
		fail_errno("the old connection is broken");
	else if ((late = client()) < 0 || accept(new, NULL, NULL) < 0)
		fail_errno("the new one is not found by its name");
	else
		pass();
	return 0;
}
