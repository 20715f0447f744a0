// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases that are being broken: who wants the file waits in open(2), before and after, and the owner is not told a
 * second time.
 */
/* zdtm: opts=--file-locks */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

TEST_OPTION(filename, "what the files' names begin with");

struct want {
	char path[4096];
	int flags;
};

/* In open(2). */
static int waits(pid_t pid)
{
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	return read_file(path, text, sizeof(text)) > 0 && atoi(text) == SYS_openat;
}

static int child(void *arg)
{
	struct want *want = arg;
	int fd;

	child_ready();
	fd = open(want->path, want->flags);
	if (fd < 0)
		return 1;
	test_waitsig();
	return 0;
}

/* Within 20 seconds: a restored task takes a moment to come back to its call, and one that got its file to go on. */
static int comes_to(pid_t pid, int wait)
{
	int tries = 20000;

	while (waits(pid) != wait && --tries)
		usleep(1000);
	return tries != 0;
}

/* A lease of that type, and a child that wants the file otherwise. */
static int broken(const char *suffix, int flags, int type, struct want *want, pid_t *pid)
{
	siginfo_t info;
	int fd;

	snprintf(want->path, sizeof(want->path), "%s.%s", filename, suffix);
	if (write_file(want->path, "x"))
		return -1;
	fd = open(want->path, flags);
	if (fd < 0 || fcntl(fd, F_SETLEASE, type) || fcntl(fd, F_SETSIG, SIGRTMIN))
		return -1;
	*pid = start_child(child, want);
	if (*pid < 0 || take_signal(SIGRTMIN, &info))
		return -1;
	return comes_to(*pid, 1) ? fd : -1;
}

int main(int argc, char **argv)
{
	struct want to_write = { .flags = O_WRONLY }, to_read = { .flags = O_RDONLY };
	int reader, writer;
	pid_t first, second;
	sigset_t set, pending;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	reader = broken("r", O_RDONLY, F_RDLCK, &to_write, &first);
	writer = broken("w", O_RDONLY, F_WRLCK, &to_read, &second);
	if (reader < 0 || writer < 0) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	sigpending(&pending);
	if (sigismember(&pending, SIGRTMIN) || sigismember(&pending, SIGIO))
		fail("there is a second signal");
	else if (fcntl(reader, F_GETLEASE) != F_UNLCK || fcntl(writer, F_GETLEASE) != F_RDLCK)
		fail("the leases are to become %d and %d", fcntl(reader, F_GETLEASE), fcntl(writer, F_GETLEASE));
	else if (!comes_to(first, 1) || !comes_to(second, 1))
		fail("who wants the files does not wait");
	else if (fcntl(reader, F_SETLEASE, F_UNLCK) || fcntl(writer, F_SETLEASE, F_RDLCK))
		fail_errno("cannot give the leases back");
	else if (!comes_to(first, 0) || !comes_to(second, 0))
		fail("who wants the files waits on");
	else if (finish_child(first) || finish_child(second))
		fail("who wanted the files did not get them");
	else
		pass();
	return 0;
}
