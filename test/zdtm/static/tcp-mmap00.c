// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of a TCP connection, where the kernel puts the pages that it has received (TCP_ZEROCOPY_RECEIVE), and has none at
 * the time of the dump. The child has them and no descriptor of the connection.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* zdtm: opts=--tcp-established */

#ifndef KEEP
#define KEEP 0
#endif
#define PAGE 4096

/* Sends one page that belongs to nobody else: only such a one can be mapped. */
static int send_page(int fd, char letter)
{
	char page[PAGE];
	int ends[2];

	memset(page, letter, PAGE);
	if (pipe(ends) || write(ends[1], page, PAGE) != PAGE || splice(ends[0], NULL, fd, NULL, PAGE, 0) != PAGE)
		return -1;
	return close(ends[0]) || close(ends[1]);
}

/* Maps it instead of reading it. */
static int receive_page(int fd, char *at, char letter)
{
	struct tcp_zerocopy_receive r = { .address = (unsigned long)at, .length = PAGE };
	struct pollfd p = { fd, POLLIN, 0 };
	socklen_t size = sizeof(r);

	if (poll(&p, 1, 20000) != 1 || getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &r, &size))
		return -1;
	return r.length == PAGE && at[0] == letter && at[PAGE - 1] == letter ? 0 : -1;
}

static int give_up(char *at)
{
	return madvise(at, PAGE, MADV_DONTNEED);
}

int main(int argc, char **argv)
{
	int ends[2], listening, status;
	char *at, *private;
	pid_t child;

	test_init(argc, argv);
	if (tcp_pair(AF_INET, ends, &listening) ||
	    (at = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, ends[1], 0)) == MAP_FAILED ||
	    (private = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, ends[1], 0)) == MAP_FAILED ||
	    send_page(ends[0], 'a') || receive_page(ends[1], at, 'a') || (!KEEP && give_up(at))) {
		pr_perror("cannot map what is received");
		return 1;
	}
	child = fork();
	if (child < 0) {
		pr_perror("cannot fork");
		return 1;
	}
	if (child == 0) {
		if (close(ends[0]) || close(ends[1]) || close(listening))
			_exit(1);
		test_waitsig();
		_exit(give_up(at + PAGE) ? 2 : 0);
	}

	test_daemon();
	test_waitsig();

	if (send_page(ends[0], 'b') || receive_page(ends[1], at + PAGE, 'b'))
		fail_errno("what is received cannot be mapped");
	else if (send_page(ends[0], 'c') || receive_page(ends[1], private, 'c'))
		fail_errno("what is received cannot be mapped privately");
	else if (tcp_works(ends))
		fail_errno("the connection does not work");
	else if (kill(child, SIGTERM) || waitpid(child, &status, 0) != child || status != 0)
		fail_errno("the child ended with the status %#x", status);
	else
		pass();
	return 0;
}
