// SPDX-License-Identifier: GPL-2.0-only
/* poll() without a limit, and read() of an empty pipe, go on waiting and see what comes. */
#include "zdtmtst.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static int for_poll[2], for_read[2];
static struct task_waiter poll_runs, read_runs;
static bool poll_ok, read_ok;

static void *do_poll(void *arg)
{
	struct pollfd fd = { .fd = for_poll[0], .events = POLLIN };
	int n;

	(void)arg;
	task_waiter_complete(&poll_runs, 1);
	do {
		n = poll(&fd, 1, -1);
	} while (n < 0 && errno == EINTR);
	poll_ok = n == 1 && fd.revents == POLLIN;
	return NULL;
}

static void *do_read(void *arg)
{
	char buf[8];

	(void)arg;
	task_waiter_complete(&read_runs, 1);
	/* No EINTR here: a read of a pipe is restarted. */
	read_ok = read(for_read[0], buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t poller, reader;

	test_init(argc, argv);
	if (pipe(for_poll) || pipe(for_read) || pthread_create(&poller, NULL, do_poll, NULL) ||
	    create_undisturbed(&reader, do_read, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	task_waiter_wait(&poll_runs, 1);
	task_waiter_wait(&read_runs, 1);

	test_daemon();
	test_waitsig();

	if (write(for_poll[1], "x", 1) != 1 || write(for_read[1], "hello", 5) != 5) {
		fail_errno("cannot write");
		return 1;
	}
	pthread_join(poller, NULL);
	pthread_join(reader, NULL);
	if (!poll_ok)
		fail("poll() did not report the data");
	else if (!read_ok)
		fail("read() did not get the data");
	else
		pass();
	return 0;
}
