// SPDX-License-Identifier: GPL-2.0-only
/*
 * An epoll set that knows an open file by numbers which are closed since and lie above all others:
 * there a restore has descriptors of its own.
 */
#include "zdtmtst.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define NR 64

static int highest_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	int highest = -1;

	if (!dir)
		return -1;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && atoi(e->d_name) > highest)
			highest = atoi(e->d_name);
	closedir(dir);
	return highest;
}

static bool tells_of_all(int set)
{
	struct epoll_event events[NR + 1];
	bool seen[NR] = { false };
	int i, n = epoll_wait(set, events, NR + 1, 1000);

	for (i = 0; i < n; i++)
		if (events[i].data.u64 < NR)
			seen[events[i].data.u64] = true;
	return n == NR && !memchr(seen, false, sizeof(seen));
}

int main(int argc, char **argv)
{
	int p[2], set, i, above;

	test_init(argc, argv);
	set = epoll_create1(0);
	if (set < 0 || pipe(p) || (above = highest_open() + 1) <= 0) {
		pr_perror("cannot make an epoll set and a pipe");
		return 1;
	}
	for (i = 0; i < NR; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };

		if (dup2(p[0], above + i) < 0 || epoll_ctl(set, EPOLL_CTL_ADD, above + i, &event)) {
			pr_perror("cannot watch number %d", above + i);
			return 1;
		}
	}
	for (i = 0; i < NR; i++)
		close(above + i);

	test_daemon();
	test_waitsig();

	if (write(p[1], "x", 1) != 1 || !tells_of_all(set)) {
		fail("the set does not tell of each of its numbers");
		return 1;
	}
	pass();
	return 0;
}
