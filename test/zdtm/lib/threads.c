// SPDX-License-Identifier: GPL-2.0-only
/* The threads of a test, and what the kernel says about them: pthread_*(3) tell of the C library's view alone. */
#include "zdtmtst.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * How many threads the task has of which `is` holds; NULL: all. No memory is allocated: a test may be about where
 * that ends. 0 where there is no /proc.
 */
static unsigned int count_threads(bool (*is)(pid_t tid))
{
	char entries[4096] __attribute__((aligned(8)));
	int dir = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int n = 0;
	long len;

	if (dir < 0)
		return 0;
	while ((len = syscall(SYS_getdents64, dir, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < len;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);

			if (entry->d_name[0] != '.')
				n += !is || is(atoi(entry->d_name));
			at += entry->d_reclen;
		}
	}
	close(dir);
	return n;
}

/* All that can be blocked, the C library's own signals too: only it does so, in a thread that it has just made. */
#define NOT_BEGUN 0xfffffffffffbfeffUL

static bool is_beginning(pid_t tid)
{
	char path[64], text[4096];
	unsigned long blocked;
	const char *line;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	line = read_file(path, text, sizeof(text)) > 0 ? strstr(text, "SigBlk:") : NULL;
	return line && sscanf(line, "SigBlk: %lx", &blocked) == 1 && blocked == NOT_BEGUN;
}

void wait_for_beginners(void)
{
	while (count_threads(is_beginning))
		sched_yield();
}

void wait_for_threads(unsigned int n)
{
	while (count_threads(NULL) != n)
		sched_yield();
}

bool thread_waits(pid_t tid, long call)
{
	char path[64], text[256];
	long now;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	/* "running" unless it sleeps: then the number of the call comes first. */
	return read_file(path, text, sizeof(text)) > 0 && sscanf(text, "%ld", &now) == 1 && now == call;
}

int create_undisturbed(pthread_t *thread, void *(*body)(void *), void *arg)
{
	sigset_t end, before;
	int err;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &end, &before);
	err = pthread_create(thread, NULL, body, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}
