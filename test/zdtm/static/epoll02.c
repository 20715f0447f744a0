// SPDX-License-Identifier: GPL-2.0-only
/*
 * An epoll set within a set, sets that two tasks share, one that watches a file which only the other
 * task has, and a signalfd in one: what it watches is the task that added it.
 */
#include "zdtmtst.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int outer, inner, event, theirs[2];

static int watch(int set, int fd, uint64_t data)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = data };

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
}

static int wait_for(int set, uint64_t data, const char *what)
{
	struct epoll_event got = { 0 };

	if (epoll_wait(set, &got, 1, 5000) != 1) {
		fail("no event from %s", what);
		return -1;
	}
	if (got.data.u64 != data) {
		fail("the event is of %lu, not of %s", (unsigned long)got.data.u64, what);
		return -1;
	}
	return 0;
}

static int child(void *arg)
{
	uint64_t one = 1;

	(void)arg;
	child_ready();
	test_waitsig();
	test_rearm();
	if (write(event, &one, sizeof(one)) != sizeof(one))
		return 1;
	test_waitsig();
	test_rearm();
	if (write(theirs[1], "x", 1) != 1)
		return 1;
	/* A file that is closed by all is not watched any more. */
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t value;
	sigset_t mask;
	pid_t pid;
	int signals;

	test_init(argc, argv);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	outer = epoll_create1(0);
	inner = epoll_create1(0);
	event = eventfd(0, 0);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	if (outer < 0 || inner < 0 || event < 0 || signals < 0 || pipe(theirs) || watch(inner, event, 1) ||
	    watch(outer, inner, 2) || watch(outer, signals, 3) || watch(outer, theirs[0], 4)) {
		pr_perror("cannot set up");
		return 1;
	}
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;
	close(theirs[0]);
	close(theirs[1]);

	test_daemon();
	test_waitsig();

	kill(pid, SIGTERM);
	if (wait_for(outer, 2, "the inner set") || wait_for(inner, 1, "the eventfd") ||
	    read(event, &value, sizeof(value)) != sizeof(value))
		return 1;
	kill(getpid(), SIGUSR1);
	if (wait_for(outer, 3, "the signalfd"))
		return 1;
	sigtimedwait(&mask, NULL, &(struct timespec){ 0, 0 });
	kill(pid, SIGTERM);
	if (wait_for(outer, 4, "the pipe of the other task"))
		return 1;
	if (finish_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
