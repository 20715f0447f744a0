// SPDX-License-Identifier: GPL-2.0-only
/* Leases to read and to write, fcntl(2) F_SETLEASE; the owner is told when one is broken, by the signal it wanted. */
/* zdtm: opts=--file-locks */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

TEST_OPTION(filename, "what the files' names begin with");

static int lease(const char *suffix, int flags, int type)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s.%s", filename, suffix);
	if (write_file(path, "x"))
		return -1;
	fd = open(path, flags);
	if (fd < 0 || fcntl(fd, F_SETLEASE, type) || fcntl(fd, F_SETSIG, SIGRTMIN))
		return -1;
	return fd;
}

/* Somebody opens it, and does not wait. */
static int break_it(const char *suffix, int fd)
{
	char path[4096];
	siginfo_t info;

	snprintf(path, sizeof(path), "%s.%s", filename, suffix);
	if (open(path, O_WRONLY | O_NONBLOCK) != -1 || errno != EWOULDBLOCK) {
		fail("the lease of .%s does not hinder", suffix);
		return -1;
	}
	if (take_signal(SIGRTMIN, &info)) {
		fail_errno("nobody is told of .%s", suffix);
		return -1;
	}
	if (info.si_fd != fd) {
		fail("who is told of .%s is told of descriptor %d, not %d", suffix, info.si_fd, fd);
		return -1;
	}
	return fcntl(fd, F_SETLEASE, F_UNLCK);
}

int main(int argc, char **argv)
{
	int reader, writer;
	sigset_t set, pending;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	reader = lease("r", O_RDONLY, F_RDLCK);
	writer = lease("w", O_RDWR, F_WRLCK);
	if (reader < 0 || writer < 0) {
		pr_perror("cannot take a lease");
		return 1;
	}

	test_daemon();
	test_waitsig();

	sigpending(&pending);
	if (sigismember(&pending, SIGRTMIN) || sigismember(&pending, SIGIO))
		fail("there is a signal that nobody sent");
	else if (fcntl(reader, F_GETLEASE) != F_RDLCK || fcntl(writer, F_GETLEASE) != F_WRLCK)
		fail("the leases are %d and %d", fcntl(reader, F_GETLEASE), fcntl(writer, F_GETLEASE));
	else if (!break_it("r", reader) && !break_it("w", writer))
		pass();
	return 0;
}
