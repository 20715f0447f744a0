// SPDX-License-Identifier: GPL-2.0-only
/* An eventfd between a task and its child, with a wait under way in each. */
#include "zdtmtst.h"

#include <sys/eventfd.h>
#include <unistd.h>

static int ask, answer;

static int child(void *arg)
{
	eventfd_t n;

	(void)arg;
	child_ready();
	while (!eventfd_read(ask, &n))
		if (eventfd_write(answer, n * 2))
			return 1;
	return 2;
}

int main(int argc, char **argv)
{
	eventfd_t n = 0;
	pid_t pid;

	test_init(argc, argv);
	ask = eventfd(0, 0);
	answer = eventfd(0, 0);
	if (ask < 0 || answer < 0) {
		pr_perror("eventfd");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (eventfd_write(ask, 21) || eventfd_read(answer, &n) || n != 42)
		fail_errno("the child answers %lu", (unsigned long)n);
	else if (kill(pid, SIGKILL) || reap_child(pid) != 128 + SIGKILL)
		fail("the child has ended");
	else
		pass();
	return 0;
}
