// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of UNIX sockets that do not lead to them: one given relative to a directory, one that was removed,
 * one that was removed and is another socket's by now, one whose file was renamed since, or got another name before
 * the first was removed.
 */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TEST_OPTION(dirname, "where the sockets are");

static struct sockaddr_un name_of(const char *text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", text);
	return a;
}

static const char *in_dir(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dirname, file);
	return path;
}

static int listen_at(const char *text)
{
	struct sockaddr_un a = name_of(text);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 3)) {
		pr_perror("%s", text);
		return -1;
	}
	return fd;
}

static int check_name(int fd, const char *text)
{
	struct sockaddr_un got = { 0 };
	socklen_t len = sizeof(got);

	if (getsockname(fd, (struct sockaddr *)&got, &len))
		fail_errno("getsockname");
	else if (strcmp(got.sun_path, text))
		fail("the name is %s, not %s", got.sun_path, text);
	else
		return 0;
	return -1;
}

/* Who connects there is accepted by fd, or by nobody (-1). */
static int check_way(const char *path, int fd)
{
	struct sockaddr_un a = name_of(path);
	int client = socket(AF_UNIX, SOCK_STREAM, 0), server = -1;
	int rc = connect(client, (struct sockaddr *)&a, sizeof(a));

	if (fd < 0 ? !rc : rc)
		fail_errno("connect to %s gives %d", path, rc);
	else if (fd >= 0 && (server = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) < 0)
		fail_errno("%s leads to another socket", path);
	else
		rc = 0;
	close(client);
	close(server);
	return rc;
}

int main(int argc, char **argv)
{
	int relative, removed, replaced, other, renamed, linked;
	char path[6][256];

	test_init(argc, argv);
	snprintf(path[0], sizeof(path[0]), "%s", in_dir("removed"));
	snprintf(path[1], sizeof(path[1]), "%s", in_dir("replaced"));
	snprintf(path[2], sizeof(path[2]), "%s", in_dir("before"));
	snprintf(path[3], sizeof(path[3]), "%s", in_dir("after"));
	snprintf(path[4], sizeof(path[4]), "%s", in_dir("first"));
	snprintf(path[5], sizeof(path[5]), "%s", in_dir("second"));
	if (mkdir(dirname, 0700) || chdir(dirname)) {
		pr_perror("%s", dirname);
		return 1;
	}
	relative = listen_at("./relative");
	removed = listen_at(path[0]);
	replaced = listen_at(path[1]);
	renamed = listen_at(path[2]);
	linked = listen_at(path[4]);
	if (relative < 0 || removed < 0 || replaced < 0 || renamed < 0 || linked < 0 || unlink(path[0]) ||
	    unlink(path[1]) || rename(path[2], path[3]) || link(path[4], path[5]) || unlink(path[4]) || chdir("/")) {
		pr_perror("cannot set up");
		return 1;
	}
	other = listen_at(path[1]);
	if (other < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (check_name(relative, "./relative") || check_name(removed, path[0]) || check_name(replaced, path[1]) ||
	    check_name(other, path[1]) || check_name(renamed, path[2]) ||
	    check_name(linked, path[4]))
		return 1;
	if (check_way(in_dir("relative"), relative) || check_way(path[0], -1) || check_way(path[1], other) ||
	    check_way(path[2], -1) || check_way(path[3], renamed) ||
	    check_way(path[4], -1) || check_way(path[5], linked))
		return 1;
	pass();
	return 0;
}
