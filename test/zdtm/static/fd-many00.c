// SPDX-License-Identifier: GPL-2.0-only
/* A thousand descriptors of several kinds, and a child that has them all. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OF_EACH = 250 };

static int opens[OF_EACH], events[OF_EACH], pipes[OF_EACH / 2][2], pairs[OF_EACH / 2][2];

static int check(void)
{
	eventfd_t n;
	char c;
	int i;

	for (i = 0; i < OF_EACH; i++)
		if (lseek(opens[i], 0, SEEK_CUR) != i || eventfd_read(events[i], &n) || n != (eventfd_t)i + 1 ||
		    eventfd_write(events[i], n))
			return i + 1;
	for (i = 0; i < OF_EACH / 2; i++)
		if (write(pipes[i][1], "p", 1) != 1 || read(pipes[i][0], &c, 1) != 1 || c != 'p' ||
		    write(pairs[i][1], "s", 1) != 1 || read(pairs[i][0], &c, 1) != 1 || c != 's')
			return -i - 1;
	return 0;
}

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return check() != 0;
}

int main(int argc, char **argv)
{
	struct rlimit limit = { 4096, 4096 };
	pid_t pid;
	int i;

	test_init(argc, argv);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < OF_EACH; i++) {
		opens[i] = open("/proc/self/exe", O_RDONLY);
		events[i] = eventfd(i + 1, 0);
		if (opens[i] < 0 || lseek(opens[i], i, SEEK_SET) != i || events[i] < 0) {
			pr_perror("number %d", i);
			return 1;
		}
	}
	for (i = 0; i < OF_EACH / 2; i++)
		if (pipe(pipes[i]) || socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i])) {
			pr_perror("pair %d", i);
			return 1;
		}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	i = check();
	if (i)
		fail_errno("number %d is another", i);
	else if (finish_child(pid))
		fail("the child has others");
	else
		pass();
	return 0;
}
