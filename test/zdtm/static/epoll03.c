// SPDX-License-Identifier: GPL-2.0-only
/* An epoll set of four hundred files, some edge-triggered, some once only, some that watch for nothing. */
#include "zdtmtst.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NR = 400 };

static uint32_t events_of(int i)
{
	static const uint32_t kinds[] = { EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT, 0 };

	return kinds[i % array_size(kinds)];
}

int main(int argc, char **argv)
{
	struct rlimit limit = { 4096, 4096 };
	struct epoll_event e, got[NR];
	uint64_t one = 1;
	int set, fds[NR], i, n, first, second;

	test_init(argc, argv);
	setrlimit(RLIMIT_NOFILE, &limit);
	set = epoll_create1(0);
	for (i = 0; i < NR; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK);
		e.events = events_of(i);
		e.data.u64 = i;
		if (fds[i] < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &e)) {
			pr_perror("file %d", i);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	if (epoll_wait(set, got, NR, 0) != 0) {
		fail("there are events nobody caused");
		return 1;
	}
	for (i = 0; i < NR; i++)
		if (write(fds[i], &one, sizeof(one)) != sizeof(one))
			fail_errno("eventfd %d", i);
	first = epoll_wait(set, got, NR, 0);
	for (n = 0; n < first; n++)
		if (got[n].events != EPOLLIN || !(events_of(got[n].data.u64) & EPOLLIN))
			fail("file %ld has %#x", (long)got[n].data.u64, got[n].events);
	second = epoll_wait(set, got, NR, 0);
	for (n = 0; n < second; n++)
		if (events_of(got[n].data.u64) != EPOLLIN)
			fail("file %ld is told twice", (long)got[n].data.u64);
	if (first != NR / 4 * 3 || second != NR / 4)
		fail("%d events, then %d", first, second);
	else
		pass();
	return 0;
}
