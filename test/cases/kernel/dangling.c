// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task forks with lazily restored memory, and an allocation of the fork fails: the first, then the second, until
 * there is a child whose memory is not there. Then the parent ends, the module is unloaded, and the child
 * touches its mapping: it has no access, and nothing of the module is asked.
 */
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 1024, MOST = 400, ASKED = 700 }; /* in a page table that the parent has not yet */
#define FAULTS "/sys/kernel/debug/"

static int to_orphan[2], from_orphan[2];

static bool can_fail(void)
{
	return has_debugfs(FAULTS "fail_page_alloc/ignore-gfp-wait") &&
	       access("/proc/thread-self/fail-nth", W_OK) == 0 &&
	       write_text(FAULTS "fail_page_alloc/ignore-gfp-wait", "N") &&
	       write_text(FAULTS "fail_page_alloc/ignore-gfp-highmem", "N") &&
	       write_text(FAULTS "fail_page_alloc/min-order", "0") &&
	       write_text(FAULTS "failslab/ignore-gfp-wait", "N") &&
	       write_text(FAULTS "fail_page_alloc/verbose", "0") &&
	       write_text(FAULTS "failslab/verbose", "0");
}

static int fail_nth(int fd, int n)
{
	char text[16];

	return pwrite(fd, text, snprintf(text, sizeof(text), "%d", n), 0);
}

/* Whether a page is there, without a fault of our own. */
static bool is_whole(void)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { AREA + ASKED * PAGE, 1 };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1;
}

static void on_segv(int sig)
{
	(void)sig;
	_exit(write(from_orphan[1], "s", 1) != 1);
}

/* The one whose memory is not there waits until the module is gone, and touches it. */
static void be_orphan(void)
{
	char byte = 'o';

	close_module();
	if (write(from_orphan[1], &byte, 1) != 1 || read(to_orphan[0], &byte, 1) != 1)
		_exit(1);
	signal(SIGSEGV, on_segv);
	byte = *(volatile char *)(AREA + ASKED * PAGE);
	byte = 'w';
	_exit(write(from_orphan[1], &byte, 1) != 1);
}

/* Ends when there is such a child: 0. */
static int make_orphan(void)
{
	open_module();
	need_lazy();
	uint64_t off = save_area(PAGES);
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), found = 0;
	for (int n = 1; n < MOST && !found; n++) {
		/* Anew: a fork that succeeds ends what is lazy. */
		map(AREA, PAGES);
		must(restore(RMFORK_OP_RESTORE_LAZY, off, AREA, PAGES) == 0, "RESTORE_LAZY");
		fail_nth(fd, n);
		pid_t child = fork();
		if (child == 0) {
			if (is_whole())
				_exit(0);
			be_orphan();
		}
		fail_nth(fd, 0);
		for (int i = 0; child > 0 && waitpid(child, NULL, WNOHANG) == 0; i++) {
			usleep(100000);
			if (i == 30) {
				found = n;
				break;
			}
		}
		munmap(AREA, PAGES * PAGE);
	}
	printf("a fork whose allocation %d fails gives such a child\n", found);
	must(free_snapshot(off) == 0, "FREE");
	fflush(stdout);
	return found ? verdict() : 1;
}

int main(void)
{
	char byte = 0;
	long gone = -1;

	if (!can_fail())
		cannot("no allocation can be made to fail here");
	must(!pipe(to_orphan) && !pipe(from_orphan), "pipe");
	pid_t parent = fork();
	if (parent == 0)
		_exit(make_orphan());
	join_child(parent, "the parent");
	if (verdict())
		return verdict();
	must(read(from_orphan[0], &byte, 1) == 1, "the child");
	for (int i = 0; i < 100 && gone; i++) {
		gone = syscall(SYS_delete_module, "rmfork", O_NONBLOCK);
		if (gone)
			usleep(100000);
	}
	if (gone)
		wrong("the module is in use: %s", strerror(errno));
	must(write(to_orphan[1], &byte, 1) == 1 && read(from_orphan[0], &byte, 1) == 1, "the child");
	if (byte != 's')
		wrong("the child reads memory that is not there");
	return verdict();
}
