// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of a UNIX socket's file, opened by its path and asked of the socket, are of that file afterwards. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(filename, "where the socket is");

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE 0x89E0 /* linux/un.h */
#endif

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static bool is_the_socket(int fd, const char *what)
{
	char link[64], target[256] = "";
	struct stat here, there;
	struct sockaddr_un a;
	int client;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, target, sizeof(target) - 1) < 0 || strcmp(target, filename)) {
		fail("%s: it is of %s, not of %s", what, target, filename);
		return false;
	}
	if (fstat(fd, &here) || stat(filename, &there) || here.st_ino != there.st_ino || here.st_dev != there.st_dev) {
		fail("%s: it is not of the file that is there", what);
		return false;
	}
	a = address_of(link);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	if (client < 0 || connect(client, (struct sockaddr *)&a, sizeof(a))) {
		fail_errno("%s: connect", what);
		return false;
	}
	close(client);
	return true;
}

int main(int argc, char **argv)
{
	struct sockaddr_un a;
	int server, by_path, asked, now;

	test_init(argc, argv);
	a = address_of(filename);
	server = socket(AF_UNIX, SOCK_STREAM, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&a, sizeof(a)) || listen(server, 16)) {
		pr_perror("cannot listen at %s", filename);
		return 1;
	}
	by_path = open(filename, O_PATH);
	asked = ioctl(server, SIOCUNIXFILE);
	if (by_path < 0 || asked < 0) {
		pr_perror("cannot open %s", filename);
		return 1;
	}

	test_daemon();
	test_waitsig();

	now = ioctl(server, SIOCUNIXFILE);
	if (now < 0) {
		fail_errno("SIOCUNIXFILE");
		return 1;
	}
	if (is_the_socket(by_path, "by path") && is_the_socket(asked, "asked") && is_the_socket(now, "asked now"))
		pass();
	return 0;
}
