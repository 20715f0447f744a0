// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an epoll set watches is the open file, by the number that it was added as: one that is closed
 * since, one that is another file's by now, and two files that were added as the same number.
 */
#include "zdtmtst.h"

#include <sys/epoll.h>
#include <unistd.h>

enum { NR = 4 };

static int writers[NR];

static int watch(int set, int fd, uint64_t data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

/* Makes a pipe whose reader is watched as number `as`; what remains is a duplicate of it. */
static int watched_as(int set, int as, uint64_t data)
{
	int p[2];

	if (pipe(p) || dup2(p[0], as) < 0 || watch(set, as, data))
		return -1;
	writers[data] = p[1];
	return p[0];
}

static int check(int set, uint64_t data)
{
	struct epoll_event got = { 0 };

	if (write(writers[data], "x", 1) != 1 || epoll_wait(set, &got, 1, 1000) != 1)
		fail("the event of pipe %ld does not come", (long)data);
	else if (got.data.u64 != data || got.events != EPOLLIN)
		fail("the event of pipe %ld is %#x with %ld", (long)data, got.events, (long)got.data.u64);
	else
		return 0;
	return -1;
}

int main(int argc, char **argv)
{
	struct epoll_event got;
	char c;
	int set, readers[NR], i;

	test_init(argc, argv);
	set = epoll_create1(0);
	readers[0] = watched_as(set, 100, 0);
	readers[1] = watched_as(set, 101, 1);
	readers[2] = watched_as(set, 102, 2);
	readers[3] = watched_as(set, 102, 3);
	/* 100 is closed, 101 becomes a file of another kind, 102 is what was added last */
	if (set < 0 || readers[0] < 0 || readers[1] < 0 || readers[2] < 0 || readers[3] < 0 || close(100) ||
	    dup2(STDERR_FILENO, 101) < 0) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (epoll_wait(set, &got, 1, 0) != 0) {
		fail("there is an event nobody caused");
		return 1;
	}
	for (i = 0; i < NR; i++)
		if (check(set, i) || read(readers[i], &c, 1) != 1)
			return 1;
	if (epoll_ctl(set, EPOLL_CTL_DEL, 100, NULL) != -1 || errno != EBADF)
		fail("descriptor 100 is open");
	else if (epoll_ctl(set, EPOLL_CTL_DEL, 101, NULL) != -1)
		fail("descriptor 101 is what is watched");
	else if (epoll_ctl(set, EPOLL_CTL_DEL, 102, NULL))
		fail_errno("descriptor 102 is not what is watched");
	else if (watch(set, readers[3], 3))
		fail_errno("it cannot be watched by another number");
	else if (check(set, 3) == 0)
		pass();
	return 0;
}
