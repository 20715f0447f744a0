// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors under way in a socket: of a pipe that a task has, of a file that nobody has any more, of a
 * socket that has one under way itself. With the sender's credentials.
 */
#include "zdtmtst.h"

#include "rights.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "a file that is under way");

static int sender_pid, sender_socket, to_send[3];

static int child(void *arg)
{
	(void)arg;
	if (send_fds(sender_socket, to_send, 3))
		return 1;
	child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	int carrier[2], inner[2], p[2], q[2], file, got[3], deep, on = 1;
	struct ucred creds = { 0 };
	struct stat st;
	char buf[8] = "";

	test_init(argc, argv);
	file = open(filename, O_RDWR | O_CREAT, 0600);
	if (file < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, carrier) || socketpair(AF_UNIX, SOCK_STREAM, 0, inner) ||
	    pipe(p) || pipe(q) || write(file, "content", 7) != 7 || write(q[1], "deep", 4) != 4 ||
	    setsockopt(carrier[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) || send_fds(inner[1], &q[0], 1)) {
		pr_perror("cannot set up");
		return 1;
	}
	sender_socket = carrier[1];
	to_send[0] = p[0];
	to_send[1] = file;
	to_send[2] = inner[0];
	sender_pid = start_child(child, NULL);
	if (sender_pid < 0)
		return 1;
	if (close(file) || close(inner[0]) || close(inner[1]) || close(q[0]) || close(q[1]) || finish_child(sender_pid)) {
		pr_perror("cannot close");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (receive_fds(carrier[0], got, 3, &creds)) {
		fail_errno("the descriptors do not come");
		return 1;
	}
	if (creds.pid != sender_pid || creds.uid != getuid())
		fail("they are from task %d of user %d", creds.pid, creds.uid);
	else if (write(p[1], "pipe", 4) != 4 || read(got[0], buf, sizeof(buf)) != 4 || memcmp(buf, "pipe", 4))
		fail("the first is not the pipe");
	else if (fstat(got[1], &st) || st.st_size != 7 || lseek(got[1], 0, SEEK_CUR) != 7)
		fail("the second is not the file");
	else if (receive_fds(got[2], &deep, 1, NULL))
		fail("the third has nothing under way");
	else if (read(deep, buf, sizeof(buf)) != 4 || memcmp(buf, "deep", 4))
		fail("in the third is %.7s", buf);
	else
		pass();
	return 0;
}
