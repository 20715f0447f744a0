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
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 1024, MOST = 1000, ASKED = 700 }; /* in a page table that the parent has not yet */
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

/* Whether that allocation is yet to come. */
static bool is_pending(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) != 0;
}

/* Whether the child stays, as an orphan does; else it has ended. */
static bool stays(pid_t child)
{
	int said = 0;

	while (waitpid(child, NULL, WNOHANG) == 0) {
		if (ioctl(from_orphan[0], FIONREAD, &said) == 0 && said > 0)
			return true;
		usleep(1000);
	}
	return false;
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
	/*
	 * From the first allocation to the last, and over again: a fork does not always make the same ones.
	 */
	for (int n = 1, i = 0; i < MOST && !found; i++) {
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
		bool was_last = is_pending(fd);
		fail_nth(fd, 0);
		if (child > 0 && stays(child))
			found = n;
		n = was_last ? 1 : n + 1;
		munmap(AREA, PAGES * PAGE);
	}
	printf("a fork whose allocation %d fails gives such a child\n", found);
	must(free_snapshot(off) == 0, "FREE");
	fflush(stdout);
	return found ? verdict() : 1;
}

/*
 * The kernel writes to the area of rseq(2) whenever it has moved a thread to another processor. Where the allocation for
 * that fails, the thread is sent SIGSEGV.
 */
static void do_without_rseq(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES", value[] = "glibc.pthread.rseq=0";
	const char *now = getenv(name);

	if (now && strcmp(now, value) == 0)
		return;
	setenv(name, value, 1);
	execv("/proc/self/exe", argv);
	must(false, "execv");
}

int main(int argc, char **argv)
{
	char byte = 0;
	long gone = -1;

	(void)argc;
	do_without_rseq(argv);
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
