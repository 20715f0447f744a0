// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks of files: by flock(2), of a part by fcntl(2), of an open file; shared and exclusive; one whose open file two
 * tasks have; a thread that waits for one.
 */
/* zdtm: opts=--file-locks */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef F_OFD_SETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

TEST_OPTION(filename, "the file that is locked");

static int set(int fd, int command, short type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, command, &l);
}

static int child(void *arg)
{
	int fd = open(filename, O_RDWR);

	(void)arg;
	if (fd < 0 || set(fd, F_SETLK, F_WRLCK, 500, 100))
		return 1;
	child_ready();
	/* The parent has it. */
	return set(fd, F_SETLKW, F_WRLCK, 10, 5) || (test_waitsig(), 0);
}

/* In fcntl(2). */
static int waits(pid_t pid)
{
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	return read_file(path, text, sizeof(text)) > 0 && atoi(text) == SYS_fcntl;
}

/* Who has it, and how: as another open file sees it. */
static int check(int fd, off_t start, short type, pid_t pid, off_t from, off_t len)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = 1 };

	if (fcntl(fd, F_OFD_GETLK, &l))
		fail_errno("F_OFD_GETLK");
	else if (l.l_type != type)
		fail("the lock at %ld is of type %d, not %d", (long)start, l.l_type, type);
	else if (type != F_UNLCK && (l.l_pid != pid || l.l_start != from || l.l_len != len))
		fail("the lock at %ld is of %d, %ld bytes from %ld on", (long)start, l.l_pid, (long)l.l_len, (long)l.l_start);
	else
		return 0;
	return -1;
}

static int is_free(int fd, off_t start)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = 1 };

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type == F_UNLCK;
}

int main(int argc, char **argv)
{
	int whole, part, open_file, other, n = 0;
	pid_t pid;

	test_init(argc, argv);
	whole = open(filename, O_RDWR | O_CREAT, 0600);
	part = open(filename, O_RDWR);
	open_file = open(filename, O_RDWR);
	other = open(filename, O_RDWR);
	if (whole < 0 || part < 0 || open_file < 0 || other < 0 || flock(whole, LOCK_SH) ||
	    set(part, F_SETLK, F_WRLCK, 10, 20) || set(part, F_SETLK, F_RDLCK, 100, 0) ||
	    set(open_file, F_OFD_SETLK, F_WRLCK, 50, 10)) {
		/* From 100 to the end it is read-locked, so the child's lock lies before that. */
		pr_perror("cannot lock");
		return 1;
	}
	set(part, F_SETLK, F_UNLCK, 400, 0);
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;
	while (!waits(pid))
		usleep(1000);

	test_daemon();
	test_waitsig();

	if (check(other, 10, F_WRLCK, getpid(), 10, 20) || check(other, 100, F_RDLCK, getpid(), 100, 300) ||
	    check(other, 50, F_WRLCK, -1, 50, 10) || check(other, 500, F_WRLCK, pid, 500, 100) ||
	    check(other, 0, F_UNLCK, 0, 0, 0) || check(other, 450, F_UNLCK, 0, 0, 0))
		return 1;
	if (flock(other, LOCK_EX | LOCK_NB) != -1 || errno != EWOULDBLOCK) {
		fail("the whole is not locked");
		return 1;
	}
	if (flock(other, LOCK_SH | LOCK_NB) || flock(other, LOCK_UN)) {
		fail_errno("the whole is locked against readers");
		return 1;
	}
	if (set(part, F_SETLK, F_UNLCK, 10, 20)) {
		fail_errno("cannot unlock");
		return 1;
	}
	while (is_free(other, 10) && n++ < 5000)
		usleep(1000);
	if (check(other, 10, F_WRLCK, pid, 10, 5))
		return 1;
	if (finish_child(pid))
		fail("who waited for the lock did not get it");
	else
		pass();
	return 0;
}
